import Artifacts
import Experiments
import Kernels

/// Computes on given numbers, for comparison with another implementation.
///
/// A `spd-replay-1` file holds, as metadata, the config, the target's class and config and the number of steps; as
/// arrays `target.*`, `init.*`, and of each step k `step{k}.batch` and
/// `step{k}.uniform.<loss>.{sample}.{module}`. A `spd-forward-1` file holds a language model's class, config and weights
/// and `tokens`, for which `logits` are computed.
public struct Replay {
    private let kind: any ReplayKind

    /// Reads a replay.
    ///
    /// - Throws: `RunError.invalid` with what is missing or wrong.
    public init(path: String, threads: Int) throws(RunError) {
        do {
            let file = GivenFile(try SafeTensors(contentsOf: path), path: path)
            switch file.contents.metadata["format"] {
            case "spd-forward-1": kind = try ForwardReplay(file, threads: threads)
            case "spd-replay-1":
                kind = try RunKinds.of(targetClass: file.metadata("target_class")).replay(file, threads: threads)
            default: throw RunError.invalid("its metadata do not say format spd-replay-1 or spd-forward-1")
            }
        } catch let error as SafeTensorsError {
            throw .invalid("\(error)")
        } catch let error as ConfigError {
            throw .invalid("\(error)")
        } catch {
            throw .invalid("\(path): \(error)")
        }
    }

    /// Computes and writes all that came out.
    ///
    /// - Throws: `RunError`, with the step that cannot be taken.
    public func write(to path: String) throws(RunError) {
        let result = try kind.result()
        do {
            try result.write(to: path)
        } catch {
            throw .failed("\(error)")
        }
    }
}

/// What a replay file asks for.
protocol ReplayKind {
    /// Computes it.
    func result() throws(RunError) -> SafeTensors
}

/// Runs a language model over given tokens.
private struct ForwardReplay: ReplayKind {
    private let model: Transformer
    private let tokens: TokenBatch
    private let threads: Int

    init(_ file: GivenFile, threads: Int) throws {
        model = try file.transformer()
        tokens = try file.tokens("tokens")
        self.threads = threads
    }

    func result() throws(RunError) -> SafeTensors {
        do {
            let logits = try model.logits(of: tokens, threads: threads)
            return SafeTensors(
                arrays: ["logits": .init(shape: logits.shape, logits.values)],
                metadata: ["format": "spd-forward-expected-1"])
        } catch {
            throw .invalid("\(error)")
        }
    }
}
