import Artifacts
import Experiments
import Foundation
import Hub
import Kernels
import Layout
import Targets

/// Language models for runs: trained here, or found by `submit`.
struct LanguageTargets {
    let targets: TargetsFolder

    /// The model and text that a plan decomposes; nil if the run was asked to stop first.
    ///
    /// - Throws: `RunError`, `FileError`.
    func target(of plan: RunPlan, hooks: RunHooks) throws -> (any RunTarget)? {
        if let obstacle = plan.config.obstacles(decomposing: plan.target).first {
            throw RunError.invalid("\(obstacle.key): \(obstacle.reason)")
        }
        let sources: LanguageSources
        if let path = plan.targetFiles {
            sources = try LanguageSources(contentsOf: path, cache: targets.cache)
        } else {
            guard let found = try found(for: plan, hooks: hooks) else { return nil }
            sources = found
        }
        return try LanguageRunTarget(
            sources, config: plan.config, training: plan.target, warn: hooks.say)
    }

    /// Trains the model if asked, and encodes its text; the first process does it for all.
    private func found(for plan: RunPlan, hooks: RunHooks) throws -> LanguageSources? {
        var trained: String?
        if let training = plan.target {
            let place = try TargetCache(folder: targets).once(training, hooks: hooks) {
                try TargetCache.train(
                    training.resolvingFiles(against: targets.cache.path), threads: plan.threads, into: $0, hooks: hooks)
            }
            guard let place else { return nil }
            trained = place
        }
        // `submit` downloads; a compute node may have no internet.
        let cache = targets.cache
        let finder = LanguageSourceFinder(
            cache: cache, hub: cache.offlineHub,
            threads: plan.threads, say: hooks.say, progress: { _, _ in }, isCancelled: hooks.shouldStop)
        do {
            return try finder.sources(of: plan.config, model: trained)
        } catch let error as RunError {
            throw error
        } catch let error as FileError {
            throw error
        } catch {
            throw RunError.invalid("\(error)")
        }
    }

    /// A model of the size that a spec decomposes, at once, to time a step of.
    ///
    /// - Throws: `RunError` for what cannot be decomposed, or is not here yet.
    func sample(of config: ExperimentConfig, training: TargetConfig?, sources: String?) throws -> any RunTarget {
        guard let text = config.taskConfig.text else { throw RunError.invalid("task_config.task_name: expected lm") }
        if let sources {
            let found = try LanguageSources(contentsOf: sources, cache: targets.cache)
            try MemoryGate.check(RunMemory.bytes(of: config, training: nil, model: found.model, threads: 1))
            return try LanguageRunTarget(found, config: config, training: training, warn: { _ in })
        }
        if let training, let folder = LanguageTargetFolder(training) {
            return LanguageRunTarget(
                rough: try LanguageTargetFolder.rough(try folder.shape()), text: text, training: training)
        }
        let hub = Hub(
            settings: HubSettings(environment: ProcessInfo.processInfo.environment), cache: targets.cache.hub)
        let found: Hub.Model?
        do throws(HubError) {
            found = try config.target?.folderOrName.flatMap { name throws(HubError) in try hub.localModel(name) }
        } catch {
            throw RunError.invalid("\(error)")
        }
        guard let model = found else { throw RunError.invalid("its target is not here yet") }
        try MemoryGate.check(RunMemory.bytes(of: config, training: nil, model: model.folder, threads: 1))
        let loaded = try LanguageModelFolder(path: model.folder).load(className: config.pretrainedModelClass)
        return LanguageRunTarget(rough: loaded, text: text, training: training)
    }
}

extension PretrainedModel {
    /// The folder or the hub's name of a language model that is not trained here.
    fileprivate var folderOrName: String? {
        switch self {
        case .local(let path): path
        case .hub(let name): name
        case .train, .wandb: nil
        }
    }
}

extension LanguageTargetFolder {
    /// How a language model is trained; nil for a config of another kind.
    init?(_ config: TargetConfig) {
        guard let training = config.training as? LanguageTrainingConfig else { return nil }
        self.init(training: training, config: config)
    }
}
