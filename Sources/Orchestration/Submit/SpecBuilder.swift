package import Experiments
import Foundation
package import Store
import Targets

/// Adds specs one after another; duplicates of an existing config are only counted.
package struct SpecBuilder {
    package let project: String?
    package private(set) var specs: [NewSpec] = []
    package private(set) var drafts: [SpecDraft] = []
    package private(set) var parts: [SweepPlan.Part] = []
    package private(set) var problems: [String] = []
    package private(set) var remoteTargets: [WandBRunReference] = []
    private(set) var observers = ObserverFiles()
    package private(set) var observerTrials: [ObserverTrials.Case] = []
    private var tried: Set<String> = []
    private var seen: Set<String> = []
    /// The search that the specs belong to, and whether it chooses their configs when agents take them.
    private let search: (definition: String, choosesConfigs: Bool)?
    private var targets: KnownTargets
    /// The last target and its text: nearly all specs of an experiment have the same.
    private var target: (config: TargetConfig, text: String)?
    /// Writes the configs of the last experiment: they differ in what the sweep sets.
    private var writer: ConfigWriter?

    package init(project: String?, runs: String, search: (definition: String, choosesConfigs: Bool)? = nil) {
        self.project = project
        self.search = search
        targets = KnownTargets(runs: runs)
    }

    package mutating func add(_ draft: SpecDraft) throws {
        if parts.last?.experiment != draft.experiment {
            parts.append(
                .init(experiment: draft.experiment, range: specs.count..<specs.count, duplicates: 0, example: draft))
            seen = []
            writer = nil
        }
        let part = parts.removeLast()
        let stored = try config(draft)
        let config = text(of: stored, draft)
        let known = target(of: stored, for: draft)
        let isOpen = search?.choosesConfigs == true && !draft.overrides.isEmpty
        let isNew = seen.insert(config).inserted || isOpen
        let shaped = draft.target == nil ? known.map(draft.decomposing) ?? draft : draft
        addTrial(stored, shaped)
        if isNew {
            var spec = NewSpec(
                experiment: draft.experiment, config: config,
                overrides: isOpen ? draft.unchosenJSON : draft.overridesJSON,
                target: draft.target.map { text(of: $0) }, targetFiles: stored.localTarget,
                steps: draft.config.steps)
            (spec.search, spec.isOpen) = (search?.definition, isOpen)
            specs.append(spec)
            drafts.append(shaped)
        }
        parts.append(
            .init(
                experiment: part.experiment, range: part.range.lowerBound..<specs.count,
                duplicates: part.duplicates + (isNew ? 0 : 1), example: part.example))
    }

    /// A draft's config as it is stored: with the project that the user asked for, and with an absolute target.
    private mutating func config(_ draft: SpecDraft) throws -> ExperimentConfig {
        var config = draft.config
        if let project { config = try config.setting("wandb_project", to: .string(project)) }
        if case .wandb(let run) = config.pretrainedModelPath, !remoteTargets.contains(run) {
            remoteTargets.append(run)
        }
        if case .local(let path) = config.pretrainedModelPath {
            config = try config.setting("pretrained_model_path", to: .string(URL(filePath: path).path))
        }
        return takingObservers(config, draft)
    }

    /// The keys that ``config(_:)`` may change.
    private static let keysOfStoring = ["wandb_project", "pretrained_model_path", "observers"]

    private mutating func text(of stored: ExperimentConfig, _ draft: SpecDraft) -> String {
        var writer = self.writer ?? ConfigWriter(stored)
        // One owner, so what it remembers is not copied.
        self.writer = nil
        defer { self.writer = writer }
        return writer.json(stored, changing: Self.keysOfStoring + draft.overrides.map(\.path))
    }

    /// The config with its observers known by their files' digest.
    private mutating func takingObservers(_ config: ExperimentConfig, _ draft: SpecDraft) -> ExperimentConfig {
        var digests: [String] = []
        for observer in config.observers {
            do throws(ObserverFiles.Trouble) {
                digests.append(try observers.bundle(observer, relativeTo: draft.folder(naming: "observers")).digest)
            } catch {
                report(draft.problem("observers", error.reason))
                return config
            }
        }
        return digests.isEmpty ? config : config.settingObservers(digests)
    }

    private mutating func addTrial(_ config: ExperimentConfig, _ draft: SpecDraft) {
        let digests = config.observers.compactMap(\.digest)
        guard !digests.isEmpty, tried.insert("\(draft.experiment) \(digests)").inserted else { return }
        // A target that has not been downloaded has no shapes yet.
        guard draft.target != nil || config.taskConfig.kind.needsWorkerForTargets else { return }
        observerTrials.append(ObserverTrials.Case(draft: draft, config: config))
    }

    private mutating func text(of target: TargetConfig) -> String {
        if let known = self.target, known.config == target { return known.text }
        let text = target.canonicalJSON()
        self.target = (target, text)
        return text
    }

    /// How the target of a draft was trained, as far as it is known; what keeps the draft from being run is reported once.
    private mutating func target(of config: ExperimentConfig, for draft: SpecDraft) -> TargetConfig? {
        var target: TargetConfig?
        do throws(TargetError) {
            target = try targets.config(of: config, training: draft.target)
        } catch {
            report(draft.problem("pretrained_model_path", "\(error)"))
        }
        for obstacle in draft.obstacles(decomposing: target) { report(obstacle) }
        return target
    }

    private mutating func report(_ problem: String) {
        if !problems.contains(problem) { problems.append(problem) }
    }
}

extension ExperimentConfig {
    /// The path of the target's files, if the config names files.
    fileprivate var localTarget: String? {
        // A language model's folder stays where it is: it may be large, and its text is kept by its content.
        if !taskConfig.kind.needsWorkerForTargets, case .local(let path) = pretrainedModelPath { path } else { nil }
    }
}
