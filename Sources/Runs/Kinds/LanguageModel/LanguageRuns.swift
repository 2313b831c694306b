import Analysis
import Experiments
import Figures
import Foundation
import Kernels
import Layout

/// Language models.
enum LanguageRuns: RunKind {
    static let kind = TargetKind.languageModel

    static func target(of plan: RunPlan, in cache: TargetCache, hooks: RunHooks) throws -> (any RunTarget)? {
        try LanguageTargets(targets: cache.folder).target(of: plan, hooks: hooks)
    }

    static func sample(
        of config: ExperimentConfig, training: TargetConfig?, copy: String?, in cache: TargetCache, threads: Int
    ) throws -> any RunTarget {
        try LanguageTargets(targets: cache.folder).sample(of: config, training: training, sources: copy)
    }

    static func benchmark(_ experiment: Experiment, threads: Int) throws -> (target: any RunTarget, config: String) {
        try LanguageTargets.benchmark(experiment)
    }

    static func train(_ config: TargetConfig, into folder: String, threads: Int, hooks: RunHooks) throws -> Bool {
        guard let language = LanguageTargetFolder(config) else {
            throw RunError.invalid("\(config.kind.name) targets are no language models")
        }
        return try language.train(into: folder, threads: threads, hooks: hooks)
    }

    static func model(in targetFiles: String, cache: CacheFolder) throws(RunError) -> String? {
        try LanguageSources(contentsOf: targetFiles, cache: cache).model
    }

    static func bytes(
        of config: ExperimentConfig, training: TargetConfig?, model: String?, threads: Int
    ) throws(RunError) -> Int? {
        if let folder = training.flatMap({ LanguageTargetFolder($0) }) {
            return try bytes(of: config, folder.shape())
        }
        guard let model else { return nil }
        return try bytes(
            of: config, LanguageModelFolder(path: model).shape(className: config.pretrainedModelClass))
    }

    /// About what a run on a model of a shape takes.
    static func bytes(of config: ExperimentConfig, _ shape: TransformerShape) throws(RunError) -> Int? {
        guard let text = config.taskConfig.text else { return nil }
        do {
            let memory = try LanguageMemory(
                of: shape, settings: try DecompositionSettings(config), length: text.maxSeqLen)
            return Int(min(MemoryUse.program + memory.bytes, 0x1p62))
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)")
        }
    }

    // Token embeddings and heads as the transformers library names them, by the last part of their modules' names.
    private static let embeddings: Set<Substring> = ["wte", "embed_tokens", "embed_in"]
    private static let heads: Set<Substring> = ["lm_head", "embed_out"]

    static func recognise(_ weights: StateDict) -> (any AnalysedTarget)? {
        let isOne = weights.keys.contains { name in
            guard name.hasSuffix(".weight"), let module = name.split(separator: ".").dropLast().last else {
                return false
            }
            return embeddings.contains(module) || heads.contains(module)
        }
        return isOne ? LanguageWeights() : nil
    }

    /// Weights tell as much as a config does.
    static func analysed(_ weights: StateDict, _ training: TargetConfig) -> (any AnalysedTarget)? { nil }

    static func importances(of weights: PublishedWeights, _ context: FigureContext) throws(RunError) -> [Figure] {
        let cache: CacheFolder
        do { cache = try CacheFolder(environment: ProcessInfo.processInfo.environment) } catch {
            throw .invalid("\(error)")
        }
        return try LanguageWeightsFigures(
            config: context.config, training: context.training, targetFiles: context.targetFiles, cache: cache,
            threads: context.threads
        ).figures(of: weights, step: context.step, corner: context.corner)
    }

    static var targetClasses: [String] { ModelArchitecture.allCases.map(\.rawValue) }

    static func takes(targetClass name: String) -> Bool {
        let name = name.hasPrefix("transformers.") ? String(name.dropFirst(13)) : name
        return name == "AutoModelForCausalLM" || ModelArchitecture(rawValue: name) != nil
    }

    static func replay(_ file: GivenFile, threads: Int) throws -> any ReplayKind {
        try LanguageReplay(file, threads: threads)
    }

    static func figureNumbers(
        _ target: GivenFile, files: FigureCase, threads: Int
    ) throws -> FigureCaseNumbers {
        try LanguageFigureCase(target, files: files, threads: threads).numbers()
    }

    /// A language model by its weights: inside it nothing names a direction, at its ends tokens do.
    private struct LanguageWeights: AnalysedTarget {
        func featureEnd(of module: String, _ matrices: RankOneMatrices) -> FeatureEnd? {
            guard let part = module.split(separator: ".").last else { return nil }
            if LanguageRuns.embeddings.contains(part) { return FeatureEnd("token read", matrices.v) }
            if LanguageRuns.heads.contains(part) { return FeatureEnd("token written", matrices.u.transposed) }
            return nil
        }
    }
}
