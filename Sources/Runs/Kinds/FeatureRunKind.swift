import Artifacts
import Downloads
import Experiments
import Figures
import Foundation
import Kernels
import Layout
import Targets

/// A kind of target whose rows are features: how it is made of weights, how it is trained.
protocol FeatureRunKind: RunKind {
    /// The training config of its targets.
    associatedtype Training: TargetTraining
    /// Its targets.
    associatedtype Target: FeatureAnalysedTarget

    /// The lower end of the range that an active feature of a decomposition's batch is uniform in.
    static var lowest: Float { get }
    /// Extracts a target from a state dict, as its config shapes it.
    static func target(_ weights: StateDict, _ training: Training) throws(KernelError) -> Target
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
    /// The training config of a model whose weights are given, as YAML: how they were trained does not matter.
    static func givenTraining(ofModel config: String) -> String
}

/// A target whose rows are features, looked at.
protocol FeatureAnalysedTarget: AnalysedTarget {
    associatedtype Kind: FeatureRunKind
    /// The target as decompositions take it.
    var model: TargetModel { get }
    /// Adds the numbers behind the figures that only this kind has.
    func addNumbers(to numbers: inout FigureCaseNumbers, of given: ToyFigureCase) throws
}

extension FeatureAnalysedTarget {
    func decomposition(_ tensors: StateDict, _ config: ExperimentConfig, threads: Int) throws -> FeatureDecomposition? {
        guard let task = config.taskConfig.sparseFeatures else { return nil }
        let data = try SparseFeatures(task, features: model.features, lowest: Kind.lowest)
        return try .given(tensors, of: model, data: data, config, threads: threads)
    }
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

// Where targets come from, and what their runs take.
extension FeatureRunKind {
    static func target(of plan: RunPlan, in cache: TargetCache, hooks: RunHooks) throws -> (any RunTarget)? {
        let origin: TargetOrigin
        do throws(TargetError) {
            origin = try TargetOrigin(plan.config, training: plan.target, copy: plan.targetFiles)
        } catch { throw RunError(error) }
        let files: TargetFiles? =
            switch origin {
            case .training(let config): try cache.trained(config, threads: plan.threads, hooks: hooks)
            case .files(let path): try TargetCache.read(path)
            case .run(let run): try cache.downloaded(run, hooks: hooks)
            case .hub(let name): throw RunError.invalid(isLanguageModel(name))
            }
        guard let files else { return nil }
        if let obstacle = plan.config.obstacles(decomposing: files.config).first {
            throw RunError.invalid("\(obstacle.key): \(obstacle.reason)")
        }
        return try FeatureRunTarget(files)
    }

    static func sample(
        of config: ExperimentConfig, training: TargetConfig?, copy: String?, in cache: TargetCache, threads: Int
    ) throws -> any RunTarget {
        do {
            let files: TargetFiles
            switch try TargetOrigin(config, training: training, copy: copy) {
            case .training(let training):
                return FeatureRunTarget(rough: try training.roughTarget(threads: threads), training)
            case .files(let path): files = try TargetFiles(path: path)
            case .run(let run):
                guard let place = cache.place(of: run) else { throw TargetError("its target is not here yet") }
                files = try TargetFiles(path: place)
            case .hub(let name): throw TargetError(isLanguageModel(name))
            }
            return try FeatureRunTarget(files)
        } catch let error as TargetError {
            throw RunError(error)
        }
    }

    private static func isLanguageModel(_ name: String) -> String {
        "pretrained_model_name_hf: \(name) is a language model; task_name is not lm"
    }

    static func benchmark(_ experiment: Experiment, threads: Int) throws -> (target: any RunTarget, config: String) {
        guard let training = experiment.target else {
            throw RunError.invalid("\(experiment.name) has no target that can be trained")
        }
        let target = FeatureRunTarget(rough: try training.roughTarget(threads: threads), training)
        return (target, training.canonicalJSON())
    }

    static func model(in targetFiles: String, cache: CacheFolder) throws(RunError) -> String? { nil }

    static func bytes(
        of config: ExperimentConfig, training: TargetConfig?, model: String?, threads: Int
    ) throws(RunError) -> Int? {
        training.map { MemoryUse(config, target: $0, threads: threads).bytes }
    }

    /// Trains a target until a seed represents every feature.
    static func train(_ config: TargetConfig, into folder: String, threads: Int, hooks: RunHooks) throws -> Bool {
        var rejected: [TrainingRecord.Rejected] = []
        let (firstSeed, tries) = (config.training.seed, config.training.maxSeeds)
        for seed in firstSeed..<firstSeed + tries {
            hooks.say("trains the target with seed \(seed)")
            var pace = TargetPace()
            let result = try config.train(seed: seed, threads: threads) { step, steps, loss in
                if let progress = pace.tick(step: step, of: steps, loss: loss) { hooks.training(progress) }
                return !hooks.shouldStop()
            }
            guard let result else { return false }
            guard result.unrepresented.isEmpty else {
                rejected.append(.init(seed: seed, unrepresented: result.unrepresented))
                let features = result.unrepresented.map(String.init).joined(separator: ", ")
                hooks.say("seed \(seed) leaves features \(features) unrepresented; tries the next")
                continue
            }
            hooks.say("the target is trained: seed \(seed), loss \(result.loss)")
            try TargetFiles.write(
                result, config: config, record: .init(seed: seed, rejected: rejected, loss: result.loss), to: folder)
            return true
        }
        throw RunError.failed(
            "no target with seeds \(firstSeed)…\(firstSeed + tries - 1) represents every feature; raise max_seeds or steps"
        )
    }
}

// What can be said of weights, and of given numbers.
extension FeatureRunKind {
    static func analysed(_ weights: StateDict, _ training: TargetConfig) throws -> (any AnalysedTarget)? {
        try made(of: weights, training)
    }

    static func importances(of weights: PublishedWeights, _ context: FigureContext) throws(RunError) -> [Figure] {
        try WeightsFigures(
            weights, corner: context.corner, config: context.config, training: context.training,
            threads: context.threads
        ).importances(step: context.step)
    }

    static var targetClasses: [String] { [kind.name] }

    static func replay(_ file: GivenFile, threads: Int) throws -> any ReplayKind {
        let (training, target) = try given(file)
        return try ToyReplay(file, training, target.model, threads: threads)
    }

    static func figureNumbers(
        _ target: GivenFile, files: FigureCase, threads: Int
    ) throws -> FigureCaseNumbers {
        let (training, model) = try given(target)
        return try ToyFigureCase(target, training, model, files: files, threads: threads).numbers()
    }

    /// The target that `target_config` and `target.*` of given numbers make up.
    private static func given(_ file: GivenFile) throws -> (training: TargetConfig, target: Target) {
        let text = givenTraining(ofModel: try file.metadata("target_config"))
        let training = try TargetConfig.load(yaml: text, source: file.path + " (target_config)")
        return (training, try made(of: file.tensors("target."), training))
    }
}

extension FeatureRunKind {
    private static func training(of config: TargetConfig) throws(RunError) -> Training {
        guard let training = config.training as? Training else { throw RunError(unknown: config) }
        return training
    }

    fileprivate static func trained(
        _ config: TargetConfig, seed: Int, limits: TrainingLimits?, threads: Int, progress: @escaping TargetProgress
    ) throws -> TrainedTarget? {
        try train(training(of: config), seed: seed, limits: limits, threads: threads, progress: progress)
    }

    fileprivate static func made(of weights: StateDict, _ config: TargetConfig) throws -> Target {
        try target(weights, training(of: config))
    }
}

extension TargetConfig {
    /// What runs know of this kind of target.
    private func featureKind() throws(RunError) -> any FeatureRunKind.Type {
        guard let kind = try RunKinds.of(kind) as? any FeatureRunKind.Type else { throw RunError(unknown: self) }
        return kind
    }

    /// Trains a target with a seed; nil if `progress` said no.
    func train(
        seed: Int, limits: TrainingLimits? = nil, threads: Int, progress: @escaping TargetProgress = { _, _, _ in true }
    ) throws -> TrainedTarget? {
        try featureKind().trained(self, seed: seed, limits: limits, threads: threads, progress: progress)
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
    func target(_ weights: StateDict) throws -> TargetModel { try featureKind().made(of: weights, self).model }

    /// The batches that a config describes for a target of this kind with this many features.
    func data(_ config: ExperimentConfig, features: Int) throws(RunError) -> SparseFeatures {
        guard let task = config.taskConfig.sparseFeatures else {
            throw .invalid(
                "task_config.task_name: the target's inputs are features, which \(config.taskConfig.name) has not")
        }
        return try SparseFeatures(task, features: features, lowest: try featureKind().lowest)
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
