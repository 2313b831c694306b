import Artifacts
import Kernels
import Metrics

/// A replay file's contents, by purpose.
struct GivenFile {
    let contents: SafeTensors
    let path: String

    init(_ contents: SafeTensors, path: String) {
        self.contents = contents
        self.path = path
    }

    func metadata(_ name: String) throws(RunError) -> String {
        guard let text = contents.metadata[name] else { throw .invalid("its metadata lack '\(name)'") }
        return text
    }

    /// How many steps there are.
    func steps() throws(RunError) -> Int {
        guard let steps = Int(try metadata("steps")), steps >= 0 else {
            throw .invalid("its number of steps is not a number")
        }
        return steps
    }

    func array(_ name: String) throws(RunError) -> SafeTensors.Array {
        guard let array = contents.arrays[name] else { throw .invalid("the replay lacks '\(name)'") }
        return array
    }

    func tensor(_ name: String) throws(RunError) -> Tensor {
        let array = try array(name)
        return Tensor(shape: array.shape, values: array.floats)
    }

    /// The arrays whose names begin with a prefix, without it.
    func tensors(_ prefix: String) -> StateDict {
        var result: StateDict = [:]
        for (name, array) in contents.arrays where name.hasPrefix(prefix) {
            result[String(name.dropFirst(prefix.count))] = Tensor(shape: array.shape, values: array.floats)
        }
        return result
    }

    /// The uniform numbers of a step's masks, for those of the given losses that are computed.
    func uniforms(
        step: Int, settings: DecompositionSettings, modules: [String], of terms: [LossTerm]
    ) throws(RunError) -> [GivenNumbers.Key: Tensor] {
        var result: [GivenNumbers.Key: Tensor] = [:]
        for term in terms where settings.coefficients[term] != nil {
            for sample in 0..<settings.maskSamples {
                for module in modules {
                    result[.init(term: term, sample: sample, module: module)] =
                        try tensor("step\(step).uniform.\(term.rawValue).\(sample).\(module)")
                }
            }
        }
        return result
    }

    /// Tokens (rows, length).
    func tokens(_ name: String) throws(RunError) -> TokenBatch {
        let array = try array(name)
        guard case .int64(let values) = array.elements, array.shape.count == 2 else {
            throw .invalid("'\(name)' should hold whole numbers [rows, length]")
        }
        let tokens = try values.map { value throws(RunError) in
            guard let token = Int32(exactly: value) else {
                throw .invalid("'\(name)' holds \(value), which is no token")
            }
            return token
        }
        return TokenBatch(rows: array.shape[0], length: array.shape[1], tokens: tokens)
    }

    /// The language model that `target_class`, `target_config` and `target.*` make up.
    func transformer() throws(RunError) -> Transformer {
        let name = try metadata("target_class")
        let config = try ModelConfig(json: try metadata("target_config"), source: "target_config")
        let weights = tensors("target.")
        do {
            let architecture = try ModelArchitecture(class: name, config: config)
            let head = architecture.headNames.first { weights[$0 + ".weight"] != nil }
            let shape = try TransformerShape(config: config, className: name, headName: head)
            return try Transformer(shape: shape, weights: weights)
        } catch {
            throw .invalid("\(error)")
        }
    }
}
