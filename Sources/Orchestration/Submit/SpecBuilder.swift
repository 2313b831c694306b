package import Experiments
import Foundation
package import Store
import Targets

/// Makes the specs of drafts; duplicates of an existing config are only counted.
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
    /// The search that the specs belong to, and whether it chooses their configs when agents take them.
    private let search: (definition: String, choosesConfigs: Bool)?
    private var targets: KnownTargets
    /// The last target and its text: nearly all specs of an experiment have the same.
    private var target: (config: TargetConfig, text: String)?

    /// Makes the specs of drafts, experiment after experiment.
    ///
    /// Most of the work is writing texts; all cores share it.
    package init(
        _ drafts: [SpecDraft], project: String?, runs: String,
        search: (definition: String, choosesConfigs: Bool)? = nil
    ) throws {
        self.project = project
        self.search = search
        targets = KnownTargets(runs: runs)
        var stored: [Int: ExperimentConfig] = [:]
        var shaped: [Int: SpecDraft] = [:]
        // Ten thousand drafts are looked at in place: to copy one takes longer than most of what is asked of it.
        for place in drafts.indices {
            let changed = try change(drafts[place])
            let config = changed ?? drafts[place].config
            stored[place] = changed
            let known = target(of: config, for: drafts[place])
            if drafts[place].target == nil { shaped[place] = known.map(drafts[place].decomposing) }
            addTrial(config, shaped[place] ?? drafts[place])
        }
        let (changed, areChosenLater) = (stored, search?.choosesConfigs == true)
        let texts = AllCores.map(drafts.indices) { range in
            SpecText.all(of: drafts, range, stored: changed, areChosenLater: areChosenLater)
        }
        take(drafts, texts, stored: stored, shaped: shaped)
    }

    /// Takes those drafts whose configs are new.
    private mutating func take(
        _ all: [SpecDraft], _ texts: [SpecText], stored: [Int: ExperimentConfig], shaped: [Int: SpecDraft]
    ) {
        var taken: [Int] = []
        var seen: Set<SpecText.Config> = []
        taken.reserveCapacity(all.count)
        specs.reserveCapacity(all.count)
        for place in all.indices {
            if parts.last?.experiment != all[place].experiment {
                let range = specs.count..<specs.count
                parts.append(
                    .init(experiment: all[place].experiment, range: range, duplicates: 0, example: all[place]))
                seen = Set(minimumCapacity: all.count - place)
            }
            let part = parts.removeLast()
            let isNew = seen.insert(texts[place].config).inserted || texts[place].isOpen
            if isNew {
                let config = stored[place] ?? all[place].config
                var spec = NewSpec(
                    experiment: part.experiment, config: texts[place].config.text, overrides: texts[place].overrides,
                    target: all[place].target.map { text(of: $0) }, targetFiles: config.localTarget,
                    steps: config.steps)
                (spec.search, spec.isOpen) = (search?.definition, texts[place].isOpen)
                specs.append(spec)
                taken.append(place)
            }
            parts.append(
                .init(
                    experiment: part.experiment, range: part.range.lowerBound..<specs.count,
                    duplicates: part.duplicates + (isNew ? 0 : 1), example: part.example))
        }
        drafts = taken.count == all.count && shaped.isEmpty ? all : taken.map { shaped[$0] ?? all[$0] }
    }

    /// A draft's config as it is stored, where that is another: with the project that the user asked for, and with an
    /// absolute target.
    private mutating func change(_ draft: SpecDraft) throws -> ExperimentConfig? {
        var config: ExperimentConfig?
        if let project { config = try draft.config.setting("wandb_project", to: .string(project)) }
        if case .wandb(let run) = draft.config.pretrainedModelPath, !remoteTargets.contains(run) {
            remoteTargets.append(run)
        }
        if case .local(let path) = draft.config.pretrainedModelPath {
            config = try (config ?? draft.config)
                .setting("pretrained_model_path", to: .string(URL(filePath: path).path))
        }
        return draft.config.observers.isEmpty ? config : takingObservers(config ?? draft.config, draft)
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

/// What is stored of a draft as text.
private struct SpecText {
    /// A config's text.
    struct Config: Hashable {
        let text: String
        /// Found where the text is written: a set asks for it again and again.
        private let digest: Int

        init(_ text: String) { (self.text, digest) = (text, text.hashValue) }

        func hash(into hasher: inout Hasher) { hasher.combine(digest) }
    }

    let config: Config
    let overrides: String
    /// Whether its search chooses the config when an agent takes it.
    let isOpen: Bool

    /// The keys in which a stored config may differ from its draft's.
    private static let keysOfStoring = ["wandb_project", "pretrained_model_path", "observers"]

    /// The texts of drafts.
    ///
    /// - Parameters:
    ///   - drafts: The drafts, experiment after experiment.
    ///   - range: The places of those that are wanted.
    ///   - stored: Configs that are stored otherwise than the drafts have them, by place.
    ///   - areChosenLater: Whether a search chooses what it varies when agents take the specs.
    /// - Returns: The texts in the drafts' order.
    static func all(
        of drafts: [SpecDraft], _ range: Range<Int>, stored: [Int: ExperimentConfig], areChosenLater: Bool
    ) -> [SpecText] {
        // Writes the configs of one experiment: they differ in what the sweep sets.
        var (writer, experiment): (ConfigWriter?, String?) = (nil, nil)
        var texts: [SpecText] = []
        texts.reserveCapacity(range.count)
        for place in range {
            let config = stored[place] ?? drafts[place].config
            if drafts[place].experiment != experiment {
                (writer, experiment) = (ConfigWriter(config), drafts[place].experiment)
            }
            let overrides = drafts[place].overrides
            let text = writer?.json(config, changing: keysOfStoring + overrides.map(\.path)) ?? config.json()
            let isOpen = areChosenLater && !overrides.isEmpty
            texts.append(
                SpecText(
                    config: Config(text),
                    overrides: isOpen ? drafts[place].unchosenJSON : drafts[place].overridesJSON, isOpen: isOpen))
        }
        return texts
    }
}

extension ExperimentConfig {
    /// The path of the target's files, if the config names files.
    fileprivate var localTarget: String? {
        // A language model's folder stays where it is: it may be large, and its text is kept by its content.
        if !taskConfig.kind.needsWorkerForTargets, case .local(let path) = pretrainedModelPath { path } else { nil }
    }
}
