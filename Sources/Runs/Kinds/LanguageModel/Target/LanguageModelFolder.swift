import Artifacts
import Foundation
import Hub
public import Kernels
import Targets

/// A language model's folder as the Hugging Face hub has it: `config.json` and weights.
public struct LanguageModelFolder: Sendable {
    /// The folder.
    public let path: String

    /// Names a folder; nothing is read yet.
    public init(path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// What the model computes, from its config alone.
    ///
    /// - Parameter className: The class that was asked for, as `transformers.LlamaForCausalLM`; nil takes the config's.
    /// - Returns: The shape.
    /// - Throws: `RunError.invalid` with the file, the key, what was expected and what there is.
    public func shape(className: String?) throws(RunError) -> TransformerShape {
        try shape(className: className, head: nil)
    }

    private func shape(className: String?, head: String?) throws(RunError) -> TransformerShape {
        let config = try config()
        do {
            return try TransformerShape(config: config, className: className, headName: head)
        } catch {
            throw .invalid("\(file("config.json")): \(error)")
        }
    }

    private func config() throws(RunError) -> ModelConfig {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw .invalid("\(path) is not a folder; expected a language model's, with config.json and weights")
        }
        if let instead = WeightsFile.stranger(file("config.json"), insteadOf: "settings") {
            throw .invalid("\(file("config.json")) \(instead)")
        }
        do {
            let bytes = try DurableFile.read(file("config.json"), limit: 16 << 20)
            return try ModelConfig(json: String(decoding: bytes, as: UTF8.self), source: file("config.json"))
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)")
        }
    }

    /// Reads the model.
    ///
    /// - Parameters:
    ///   - className: The class that was asked for, as `transformers.LlamaForCausalLM`; nil takes the config's.
    ///   - warn: Takes a line that lists tensors which the model has no place for.
    /// - Returns: The model, its weights in single precision whatever they are in the files.
    /// - Throws: `RunError.invalid` with the file, the tensor, what was expected and what there is.
    public func load(className: String?, warn: (String) -> Void = { _ in }) throws(RunError) -> Transformer {
        let config = try config()
        let architecture: ModelArchitecture
        do {
            architecture = try ModelArchitecture(class: className, config: config)
        } catch {
            throw .invalid("\(file("config.json")): \(error)")
        }
        let weights = try LanguageModelWeights(folder: path, architecture: architecture)
        let shape = try shape(className: className, head: weights.headName)
        return try weights.transformer(shape, warn: warn)
    }

    private func file(_ name: String) -> String { path + "/" + name }
}

/// The tensors of a model's folder, under the names that the hub's files have today.
private struct LanguageModelWeights {
    private let architecture: ModelArchitecture
    private var tensors: StateDict = [:]
    /// The files and types of tensors that are no floating-point numbers: quantised ones, or what no weights are.
    private var others: [String: (file: String, type: String)] = [:]
    /// The file that tensors come from, or that says where they are.
    private let source: String

    /// Reads whichever of the usual files there is.
    init(folder: String, architecture: ModelArchitecture) throws(RunError) {
        self.architecture = architecture
        let names = ModelFiles.weights
        guard let name = names.first(where: { FileManager.default.fileExists(atPath: folder + "/" + $0) }) else {
            throw .invalid("\(folder) holds no weights: expected one of \(names.joined(separator: ", "))")
        }
        source = folder + "/" + name
        if name.hasSuffix(".index.json") {
            let index: ShardIndex
            do {
                index = try ShardIndex(contentsOf: source)
            } catch {
                throw .invalid("\(error)")
            }
            for shard in index.files {
                let expected = index.tensors[shard, default: []]
                guard FileManager.default.fileExists(atPath: folder + "/" + shard) else {
                    throw .invalid(
                        "cannot read \(folder)/\(shard): No such file or directory; \(source) says it holds "
                            + "\(expected.count) tensor\(expected.count == 1 ? "" : "s")"
                            + (expected.min().map { ", '\($0)' among them" } ?? ""))
                }
                try read(folder + "/" + shard, expecting: expected)
            }
        } else {
            try read(source, expecting: [])
        }
    }

    private mutating func read(_ path: String, expecting expected: Set<String>) throws(RunError) {
        if let instead = WeightsFile.stranger(path, insteadOf: "weights") { throw .invalid("\(path) \(instead)") }
        let arrays: [String: SafeTensors.Array]
        let unread: [String: String]
        do {
            if path.hasSuffix(".safetensors") {
                let file = try SafeTensors(
                    contentsOf: path, skipping: Self.isLeftover, toleratingOtherTypes: true)
                (arrays, unread) = (file.arrays, file.unread)
            } else {
                let file = try TorchFile(contentsOf: path, skipping: Self.isLeftover, toleratingOtherTypes: true)
                (arrays, unread) = (file.arrays, file.unread)
            }
        } catch {
            throw .invalid("\(error)")
        }
        let there = Set(arrays.keys).union(unread.keys)
        if let missing = expected.subtracting(there).filter({ !Self.isLeftover($0) }).min() {
            throw .invalid("\(path): lacks the tensor '\(missing)', which \(source) says it holds")
        }
        for (name, array) in arrays {
            tensors[present(name)] = Tensor(shape: array.shape, values: array.floats)
            if array.isInteger { others[present(name)] = (path, "whole numbers") }
        }
        for (name, type) in unread { others[present(name)] = (path, "numbers of type \(type)") }
    }

    /// Causal masks and rotary tables, which old files hold and nobody reads.
    private static func isLeftover(_ name: String) -> Bool {
        let isMask =
            [".attn.attention.bias", ".masked_bias", ".attn.bias", ".attention.bias"].contains { name.hasSuffix($0) }
        return isMask || name.hasSuffix(".rotary_emb.inv_freq")
    }

    /// A tensor's name with the prefix that files of a bare model lack.
    private func present(_ name: String) -> String {
        let isHead = architecture.headNames.contains { name == $0 + ".weight" }
        return isHead || name.hasPrefix(architecture.prefix) ? name : architecture.prefix + name
    }

    /// The head's name in the files; nil if it is in none.
    var headName: String? {
        architecture.headNames.first { tensors[$0 + ".weight"] != nil || others[$0 + ".weight"] != nil }
    }

    func transformer(_ shape: TransformerShape, warn: (String) -> Void) throws(RunError) -> Transformer {
        let head = shape.head + ".weight"
        if !shape.isHeadTied, tensors[head] == nil, others[head] == nil {
            throw .invalid(
                "\(source): lacks '\(head)', and config.json does not say tie_word_embeddings; without its head the "
                    + "model has no outputs")
        }
        var unused = Set(tensors.keys).union(others.keys).subtracting(shape.weights.map(\.name))
        // A tied head is the embedding, whatever a file brings besides.
        if shape.isHeadTied { unused.subtract(architecture.headNames.map { $0 + ".weight" }) }
        if !unused.isEmpty {
            warn(
                "\(source): tensors that the model has no place for are left out: \(unused.sorted().joined(separator: ", "))"
            )
        }
        if let (name, other) = shape.weights.compactMap({ weight in others[weight.name].map { (weight.name, $0) } })
            .min(by: { $0.0 < $1.0 })
        {
            throw .invalid("\(other.file): '\(name)' holds \(other.type); expected F32, F16, BF16 or F64")
        }
        do {
            return try Transformer(shape: shape, weights: tensors)
        } catch {
            throw .invalid("\(source): \(error)")
        }
    }
}
