import Artifacts
import Experiments
import Figures
import Kernels
import Layout

/// A kind of target, as runs see it: where its targets come from, how they are trained, and what can be said of them.
///
/// A new kind is a folder next to this file, and a line in ``RunKinds/all``. Kinds whose rows are features are a
/// ``FeatureRunKind``, which leaves little to say.
protocol RunKind: Sendable {
    /// What configs know of it.
    static var kind: TargetKind { get }

    /// The target that a plan decomposes, found to go with its config; nil if the run was asked to stop first.
    ///
    /// - Throws: `RunError`, `FileError`.
    static func target(of plan: RunPlan, in cache: TargetCache, hooks: RunHooks) throws -> (any RunTarget)?
    /// A target of the size that a spec decomposes, at once, to time a step of: it may be trained roughly.
    ///
    /// - Throws: `RunError` for what cannot be decomposed, or has to be downloaded first.
    static func sample(
        of config: ExperimentConfig, training: TargetConfig?, copy: String?, in cache: TargetCache, threads: Int
    ) throws -> any RunTarget
    /// A published experiment's target of which only the shape matters, and what a peer needs to make one like it.
    static func benchmark(_ experiment: Experiment, threads: Int) throws -> (target: any RunTarget, config: String)
    /// Trains a target into a folder that exists and is empty.
    ///
    /// - Returns: False if it was given up.
    static func train(_ config: TargetConfig, into folder: String, threads: Int, hooks: RunHooks) throws -> Bool
    /// The folder whose config tells a target's size before its weights are read, out of what a spec's target files say.
    static func model(in targetFiles: String, cache: CacheFolder) throws(RunError) -> String?
    /// About what a run takes at its worst moment; nil where the target's shape is not known.
    static func bytes(
        of config: ExperimentConfig, training: TargetConfig?, model: String?, threads: Int
    ) throws(RunError) -> Int?

    /// A target that its weights' names tell to be of this kind; nil for another.
    ///
    /// - Throws: For one whose tensors do not fit together.
    static func recognise(_ weights: StateDict) throws(KernelError) -> (any AnalysedTarget)?
    /// A target as its training config shapes it.
    ///
    /// - Returns: nil where a config of this kind says too little.
    static func analysed(_ weights: StateDict, _ training: TargetConfig) throws -> (any AnalysedTarget)?
    /// The figures of a step that a run did not draw, made anew, the user's own among them.
    static func importances(of weights: PublishedWeights, _ context: FigureContext) throws(RunError) -> [Figure]

    /// What `target_class` of given numbers is called.
    static var targetClasses: [String] { get }
    /// Whether a `target_class` is of this kind.
    static func takes(targetClass name: String) -> Bool
    /// The steps that a file of given numbers holds.
    static func replay(_ file: GivenFile, threads: Int) throws -> any ReplayKind
    /// The numbers behind every figure of a decomposition that is given in files.
    static func figureNumbers(
        _ target: GivenFile, files: FigureCase, threads: Int
    ) throws -> FigureCaseNumbers
}

extension RunKind {
    static func takes(targetClass name: String) -> Bool { targetClasses.contains(name) }
}

/// What figures of kept weights are drawn with, beside the weights.
struct FigureContext {
    /// What the decomposition was trained with.
    let config: ExperimentConfig
    /// How the target was trained, where that is known.
    let training: TargetConfig?
    /// Where target and text are, as the run's spec says.
    let targetFiles: String?
    /// The step that the weights are of.
    let step: Int
    /// What stands in a figure's corner.
    let corner: String
    let threads: Int
}

/// The kinds there are.
enum RunKinds {
    static let all: [any RunKind.Type] = [TMSRuns.self, ResidualMLPRuns.self, LanguageRuns.self]

    /// What runs know of a kind of target.
    static func of(_ kind: TargetKind) throws(RunError) -> any RunKind.Type {
        guard let runs = all.first(where: { $0.kind == kind }) else {
            throw .invalid("\(kind.name) targets cannot be decomposed yet")
        }
        return runs
    }

    /// The kind of the targets in files of given numbers that have a `target_class`.
    static func of(targetClass name: String) throws(RunError) -> any RunKind.Type {
        guard let runs = all.first(where: { $0.takes(targetClass: name) }) else {
            let known = all.flatMap { $0.targetClasses }
            throw .invalid("its target_class is '\(name)'; these are known: \(known.joined(separator: ", "))")
        }
        return runs
    }

    /// A target of the kind that its weights' names tell; nil for a kind that nobody knows.
    static func recognise(_ weights: StateDict) throws(KernelError) -> (any AnalysedTarget)? {
        for kind in all {
            if let target = try kind.recognise(weights) { return target }
        }
        return nil
    }
}
