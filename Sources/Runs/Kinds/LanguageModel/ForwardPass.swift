import Artifacts
import Kernels

/// A language model run over given tokens, to look at it from outside.
public struct ForwardPass {
    private let model: Transformer
    private let tokens: TokenBatch
    private let source: String
    private let threads: Int

    /// Reads a model's folder and a safetensors file that holds `tokens`, whole numbers (rows, length).
    ///
    /// - Throws: `RunError.invalid` with what is missing or wrong.
    public init(folder: String, tokens path: String, threads: Int, warn: (String) -> Void) throws(RunError) {
        source = path
        model = try LanguageModelFolder(path: folder).load(className: nil, warn: warn)
        do {
            tokens = try GivenFile(try SafeTensors(contentsOf: path), path: path).tokens("tokens")
        } catch let error as SafeTensorsError {
            throw .invalid("\(error)")
        } catch {
            throw .invalid("\(path): \(error)")
        }
        self.threads = threads
    }

    /// Computes the logits and writes them to a safetensors file as `logits` (rows, length, vocabulary).
    ///
    /// - Throws: `RunError` for tokens that the model does not have, or a file that cannot be written.
    public func write(to path: String) throws(RunError) {
        let logits: Tensor
        do {
            logits = try model.logits(of: tokens, threads: threads)
        } catch {
            throw .invalid("\(source): \(error)")
        }
        do {
            try SafeTensors(arrays: ["logits": .init(shape: logits.shape, logits.values)]).write(to: path)
        } catch {
            throw .failed("\(error)")
        }
    }
}
