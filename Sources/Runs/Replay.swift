import Artifacts
import Experiments
import Kernels

/// Runs given steps of a decomposition on given numbers, to be compared with another implementation.
///
/// A `spd-replay-1` file holds, as metadata, the config, the target's class and config and the number of steps; as
/// arrays `target.*`, `init.*`, and of each step k `step{k}.batch` and
/// `step{k}.uniform.{stochastic_recon,stochastic_recon_layerwise}.{sample}.{module}`.
public struct Replay {
    private let file: SafeTensors
    private let decomposition: Decomposition
    private let steps: Int

    /// Reads a replay.
    ///
    /// - Throws: `RunError.invalid` with what is missing or wrong.
    public init(path: String, threads: Int) throws(RunError) {
        do {
            let file = try SafeTensors(contentsOf: path)
            guard file.metadata["format"] == "spd-replay-1" else {
                throw RunError.invalid("its metadata do not say format spd-replay-1")
            }
            func metadata(_ name: String) throws(RunError) -> String {
                guard let text = file.metadata[name] else { throw .invalid("its metadata lack '\(name)'") }
                return text
            }
            guard let steps = Int(try metadata("steps")), steps >= 0 else {
                throw RunError.invalid("its number of steps is not a number")
            }
            let config = try ExperimentConfig.load(yaml: metadata("config"), source: path + " (config)")
            let model = try metadata("target_config")
            let text =
                switch try metadata("target_class") {
                case "tms": "{tms_model_config: \(model), \(Self.tmsTraining)}"
                case "residual_mlp": "{resid_mlp_model_config: \(model), \(Self.residualMLPTraining)}"
                case let other:
                    throw RunError.invalid("its target_class is '\(other)'; tms and residual_mlp are known")
                }
            let target = try TargetModel(
                stateDict: Self.tensors(file, "target."),
                config: TargetConfig.load(yaml: text, source: path + " (target_config)"))
            decomposition = try Decomposition(
                target: target, settings: DecompositionSettings(config, features: target.features),
                threads: threads)
            try decomposition.setTrainedTensors(Self.tensors(file, "init."))
            self.file = file
            self.steps = steps
        } catch let error as RunError {
            throw .invalid("\(path): \(error)")
        } catch let error as KernelError {
            throw .invalid("\(path): \(error)")
        } catch {
            throw .invalid("\(error)")
        }
    }

    // A replay brings weights, so how they were trained does not matter; a train config has to say it all the same.
    private static let tmsTraining =
        "feature_probability: 0.5, batch_size: 1, steps: 1, lr: 1, data_generation_type: at_least_zero_active"
    private static let residualMLPTraining =
        "feature_probability: 0.5, batch_size: 1, steps: 1, lr: 1, print_freq: 1"

    private static func tensors(_ file: SafeTensors, _ prefix: String) -> StateDict {
        var result: StateDict = [:]
        for (name, array) in file.arrays where name.hasPrefix(prefix) {
            result[String(name.dropFirst(prefix.count))] = Tensor(shape: array.shape, values: array.floats)
        }
        return result
    }

    /// Takes the steps and writes all that they computed.
    ///
    /// - Throws: `RunError`, with the step that cannot be taken.
    public func write(to path: String) throws(RunError) {
        var arrays: [String: SafeTensors.Array] = [:]
        for step in 0..<steps {
            let given = try numbers(of: step)
            do {
                let (report, capture) = try decomposition.replay(given)
                add(report, capture, to: &arrays, prefix: "step\(step).")
            } catch {
                throw .invalid("step \(step): \(error)")
            }
        }
        for (name, tensor) in decomposition.trainedTensors { arrays["final." + name] = array(tensor) }
        do {
            try SafeTensors(arrays: arrays, metadata: ["format": "spd-replay-expected-1"]).write(to: path)
        } catch {
            throw .failed("\(error)")
        }
    }

    private func numbers(of step: Int) throws(RunError) -> GivenNumbers {
        func tensor(_ name: String) throws(RunError) -> Tensor {
            guard let array = file.arrays[name] else { throw .invalid("the replay lacks '\(name)'") }
            return Tensor(shape: array.shape, values: array.floats)
        }
        let coefficients = decomposition.settings.coefficients
        var uniforms: [GivenNumbers.Key: Tensor] = [:]
        for term in [LossTerm.stochasticRecon, .stochasticReconLayerwise] where coefficients[term] != nil {
            for sample in 0..<decomposition.settings.maskSamples {
                for module in decomposition.modules {
                    uniforms[.init(term: term, sample: sample, module: module.name)] =
                        try tensor("step\(step).uniform.\(term.rawValue).\(sample).\(module.name)")
                }
            }
        }
        return GivenNumbers(batch: try tensor("step\(step).batch"), uniforms: uniforms)
    }

    private func add(
        _ report: StepReport, _ capture: StepCapture, to arrays: inout [String: SafeTensors.Array],
        prefix: String
    ) {
        arrays[prefix + "lr"] = .init(shape: [], [report.learningRate])
        arrays[prefix + "loss.total"] = .init(shape: [], [Float(report.total)])
        for (term, loss) in report.losses {
            arrays[prefix + "loss." + term.rawValue] = .init(shape: [], [Float(loss)])
        }
        arrays[prefix + "target_out"] = array(capture.targetOutput)
        for (module, tensor) in capture.ci { arrays[prefix + "ci." + module] = array(tensor) }
        for (module, tensor) in capture.ciUpper {
            arrays[prefix + "ci_upper_leaky." + module] = array(tensor)
        }
        for (name, tensor) in capture.gradients { arrays[prefix + "grad." + name] = array(tensor) }
    }

    private func array(_ tensor: Tensor) -> SafeTensors.Array { .init(shape: tensor.shape, tensor.values) }
}
