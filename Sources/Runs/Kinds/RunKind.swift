import Artifacts
import Experiments
import Kernels
import Targets

/// A kind of target, as runs see it: how to build it from weights, how to train it.
///
/// A new kind is a folder next to this file, and a line in ``RunKinds/all``.
protocol RunKind: Sendable {
    /// The training config of its targets.
    associatedtype Training: TargetTraining

    /// The lower end of the range that an active feature of a decomposition's batch is uniform in.
    static var lowest: Float { get }
    /// Extracts a target from a state dict, as its config shapes it.
    static func target(_ weights: StateDict, _ training: Training) throws(KernelError) -> TargetModel
    /// Trains a target.
    ///
    /// - Parameters:
    ///   - training: How.
    ///   - seed: What chooses the weights to start from and the batches.
    ///   - limits: Fewer steps and rows than the training says, for a target of which only the shape matters.
    ///   - threads: Threads per step.
    ///   - progress: Told between steps how far it is.
    /// - Returns: The target; nil if `progress` said no.
    /// - Throws: what cannot be trained.
    static func train(
        _ training: Training, seed: Int, limits: TrainingLimits?, threads: Int, progress: @escaping TargetProgress
    ) throws -> TrainedTarget?
}

/// The kinds there are.
enum RunKinds {
    static let all: [any RunKind.Type] = [TMSRuns.self, ResidualMLPRuns.self]
}

/// A short training.
struct TrainingLimits {
    let steps: Int
    let batchSize: Int
}

/// The outcome of a training.
struct TrainedTarget {
    let model: TargetModel
    let loss: Double
    /// The features that the model gives nothing for; such a target is of no use.
    var unrepresented: [Int] = []
    /// The coefficients of its labels, for kinds that have some.
    var labelCoefficients: [Float]?
}

extension RunKind {
    fileprivate static func trained(
        _ config: TargetConfig, seed: Int, limits: TrainingLimits?, threads: Int, progress: @escaping TargetProgress
    ) throws -> TrainedTarget? {
        guard let training = config.training as? Training else { throw RunError(unknown: config) }
        return try train(training, seed: seed, limits: limits, threads: threads, progress: progress)
    }

    fileprivate static func made(of weights: StateDict, _ config: TargetConfig) throws -> TargetModel {
        guard let training = config.training as? Training else { throw RunError(unknown: config) }
        return try target(weights, training)
    }

    fileprivate static func trains(_ config: TargetConfig) -> Bool { config.training is Training }
}

extension TargetConfig {
    /// What runs know of this kind of target.
    private func runKind() throws(RunError) -> any RunKind.Type {
        guard let kind = RunKinds.all.first(where: { $0.trains(self) }) else { throw RunError(unknown: self) }
        return kind
    }

    /// Trains a target with a seed; nil if `progress` said no.
    func train(
        seed: Int, limits: TrainingLimits? = nil, threads: Int, progress: @escaping TargetProgress = { _, _, _ in true }
    ) throws -> TrainedTarget? {
        try runKind().trained(self, seed: seed, limits: limits, threads: threads, progress: progress)
    }

    /// A target of this config's shape after a hundred steps on small batches.
    func roughTarget(threads: Int) throws -> TargetModel {
        let limits = TrainingLimits(steps: 100, batchSize: 64)
        guard let target = try train(seed: training.seed, limits: limits, threads: threads) else {
            throw RunError.failed("the target's training was stopped")
        }
        return target.model
    }

    /// Extracts a target from a state dict, as this config shapes it.
    func target(_ weights: StateDict) throws -> TargetModel { try runKind().made(of: weights, self) }

    /// The batches that a config describes for a target of this kind with this many features.
    func data(_ config: ExperimentConfig, features: Int) throws(RunError) -> SparseFeatures {
        guard let task = config.taskConfig.sparseFeatures else {
            throw .invalid(
                "task_config.task_name: the target's inputs are features, which \(config.taskConfig.name) has not")
        }
        return try SparseFeatures(task, features: features, lowest: try runKind().lowest)
    }
}

extension RunError {
    fileprivate init(unknown config: TargetConfig) {
        self = .invalid("\(config.kind.name) targets cannot be decomposed yet")
    }

    /// Why a target cannot be decomposed.
    init(_ error: TargetError) {
        self = .invalid(error.description)
    }
}
