import Artifacts
import Experiments
import Kernels
import Metrics

/// Runs given steps of a toy model's decomposition.
struct ToyReplay: ReplayKind {
    private let file: GivenFile
    private let decomposition: FeatureDecomposition
    private let steps: Int

    init(_ file: GivenFile, _ training: TargetConfig, _ target: TargetModel, threads: Int) throws {
        steps = try file.steps()
        let config = try ExperimentConfig.load(yaml: file.metadata("config"), source: file.path + " (config)")
        decomposition = try FeatureDecomposition(
            target: target, data: training.data(config, features: target.features),
            settings: DecompositionSettings(config), threads: threads)
        try decomposition.setTrainedTensors(file.tensors("init."))
        self.file = file
    }

    /// Takes the steps.
    func result() throws(RunError) -> SafeTensors {
        var result = ReplayResult()
        for step in 0..<steps {
            let given = GivenNumbers(
                batch: try file.tensor("step\(step).batch"),
                uniforms: try file.uniforms(
                    step: step, settings: decomposition.settings, modules: decomposition.moduleNames,
                    of: [.stochasticRecon, .stochasticReconLayerwise]))
            do {
                let (report, capture) = try decomposition.replay(given)
                result.add(report, step: step)
                result.add(capture, step: step)
            } catch {
                throw .invalid("step \(step): \(error)")
            }
        }
        result.add(final: decomposition.trainedTensors)
        return result.file
    }
}

/// What a replay's steps have computed, by the names that the published implementation's values have.
struct ReplayResult {
    private(set) var file = SafeTensors(arrays: [:], metadata: ["format": "spd-replay-expected-1"])

    /// Adds a step's losses.
    mutating func add(_ report: StepReport, step: Int) {
        set("lr", step, .init(shape: [], [report.learningRate]))
        set("loss.total", step, .init(shape: [], [Float(report.total)]))
        for (term, loss) in report.losses { set("loss." + term.rawValue, step, .init(shape: [], [Float(loss)])) }
    }

    /// Adds what else a step computed.
    mutating func add(_ capture: StepCapture, step: Int) {
        set("target_out", step, capture.targetOutput)
        for (module, tensor) in capture.ci { set("ci." + module, step, tensor) }
        for (module, tensor) in capture.ciUpper { set("ci_upper_leaky." + module, step, tensor) }
        for (name, tensor) in capture.gradients { set("grad." + name, step, tensor) }
    }

    /// Adds the parameters after the last step.
    mutating func add(final tensors: StateDict) {
        for (name, tensor) in tensors { file.arrays["final." + name] = .init(shape: tensor.shape, tensor.values) }
    }

    private mutating func set(_ name: String, _ step: Int, _ tensor: Tensor) {
        set(name, step, .init(shape: tensor.shape, tensor.values))
    }

    mutating func set(_ name: String, _ step: Int, _ array: SafeTensors.Array) {
        file.arrays["step\(step)." + name] = array
    }

    mutating func set(metadata name: String, _ step: Int, _ text: String) {
        file.metadata["step\(step)." + name] = text
    }
}
