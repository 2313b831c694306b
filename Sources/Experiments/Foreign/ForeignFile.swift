/// Files written for other tools, recognised by their keys: one word about the whole says more than one about each
/// key.
enum ForeignFile {
    /// What a document is expected to be.
    enum Role {
        case sweep, config
    }

    /// What is wrong with a document as a whole; nil for one that may be what is expected.
    static func problem(with root: SourceNode, readAs role: Role, source: String) -> ConfigProblem? {
        guard case .map(let entries) = root.content else { return nil }
        let keys = Set(entries.map(\.key))
        func problem(at key: String, _ reason: String) -> ConfigProblem {
            ConfigProblem(
                source: source, place: entries.first { $0.key == key }?.place, path: key, cause: .foreign(reason))
        }
        if keys.contains("hydra") || entries.contains(where: { $0.key == "defaults" && $0.value.isList }) {
            let key = keys.contains("hydra") ? "hydra" : "defaults"
            return problem(
                at: key,
                "this is a Hydra config; "
                    + (role == .sweep ? sweepForm : "'--cfg job' of its program prints it as one file of values"))
        }
        if keys.contains("seml") || (keys.contains("grid") || keys.contains("random")) && !keys.contains("global") {
            let key = ["seml", "grid", "random"].first(where: keys.contains) ?? "seml"
            return problem(
                at: key,
                "this is an experiment file of seml's; "
                    + (role == .sweep ? sweepForm : "an experiment is one mapping of keys to values"))
        }
        if !keys.contains("global"), let (tool, key) = foreignTool(of: entries, readAs: role) {
            return problem(
                at: key,
                "this is a file for \(tool); "
                    + (role == .sweep ? sweepForm : "an experiment is one mapping of keys to values"))
        }
        if let key = ["wandb_version", "_wandb"].first(where: keys.contains) {
            return problem(
                at: key,
                "this is W&B's config.yaml of a run, with each value below 'value:'; "
                    + (role == .sweep ? sweepForm : "take the run's final_config.yaml"))
        }
        switch role {
        case .sweep: return sweepProblem(entries, keys, problem)
        case .config: return configProblem(keys, problem)
        }
    }

    private static let sweepForm = "here parameters stand below 'global:', each as 'lr: {values: [1e-3, 2e-3]}'"

    /// Other tools, and keys at the top of their files that are nobody else's.
    private static let others: [(tool: String, keys: Set<String>)] = [
        ("Optuna", ["study_name", "n_trials", "direction", "directions"]),
        ("Ray Tune", ["param_space", "tune_config", "num_samples"]), ("NNI", ["searchSpace", "searchSpaceFile"]),
        ("NNI", ["trialConcurrency", "experimentName"]), ("Determined", ["searcher"]), ("Kubernetes", ["apiVersion"]),
        ("MLflow", ["entry_points"]), ("DVC", ["stages"]), ("Vertex AI", ["studySpec"]), ("Polyaxon", ["matrix"]),
        ("SageMaker", ["ParameterRanges", "HyperParameterTuningJobConfig"]), ("Guild", ["operations"]),
        ("Comet", ["algorithm"]), ("Spearmint", ["experiment-name"]), ("Optuna or Azure ML", ["search_space"]),
        ("Determined or DeepHyper", ["hyperparameters"]), ("Keras Tuner", ["space"]),
    ]

    /// Keys of one parameter as other tools write it: all of a set must be there.
    private static let parameterForms: [(tool: String, keys: Set<String>)] = [
        ("NNI", ["_type", "_value"]), ("ConfigSpace or SMAC", ["type", "lower", "upper"]),
        ("Ray Tune", ["grid_search"]), ("seml", ["type", "options"]), ("Guild", ["flags"]),
        ("Azure ML or Keras Tuner", ["min_value", "max_value"]), ("Determined", ["type", "minval", "maxval"]),
        ("Optuna", ["name", "attributes"]),
    ]

    /// The tool that a file is for, and the key that shows it.
    private static func foreignTool(
        of entries: [SourceNode.Entry], readAs role: Role
    ) -> (tool: String, key: String)? {
        for (tool, own) in others {
            if let entry = entries.first(where: { own.contains($0.key) && !$0.value.isSection }) {
                return (tool, entry.key)
            }
        }
        guard role == .sweep else { return nil }
        for entry in entries {
            // W&B's parameters are a mapping.
            if entry.key == "parameters", entry.value.isList { return ("Ax", entry.key) }
            if let tool = tool(ofParametersIn: entry.value) { return (tool, entry.key) }
            // A prior, as in `lr~loguniform(1e-5, 1)`.
            if case .string(let text) = entry.value.value,
                text.prefixMatch(of: /(log)?uniform\(|choices\(|normal\(|fidelity\(/) != nil
            {
                return ("Oríon", entry.key)
            }
        }
        return nil
    }

    /// The tool whose way of writing a parameter appears first below.
    private static func tool(ofParametersIn node: SourceNode) -> String? {
        switch node.content {
        case .scalar: return nil
        case .list(let items): return items.lazy.compactMap(tool(ofParametersIn:)).first
        case .map(let entries):
            let keys = Set(entries.map(\.key))
            if let form = parameterForms.first(where: { $0.keys.isSubset(of: keys) }) { return form.tool }
            return entries.lazy.filter { !ExperimentConfig.compoundKeys.contains($0.key) }
                .compactMap { tool(ofParametersIn: $0.value) }.first
        }
    }

    /// Keys of W&B's sweep files that mean nothing here.
    private static let wandbKeys: Set<String> = [
        "program", "command", "metric", "name", "description", "project", "entity", "early_terminate", "run_cap",
        "controller", "settings", "job", "image_uri", "prior_runs", "version",
    ]

    /// Whether an entry of a sweep file is W&B's: settings rather than parameters.
    static func isOfWandB(_ entry: SourceNode.Entry) -> Bool {
        guard wandbKeys.contains(entry.key) else { return false }
        guard case .map(let inner) = entry.value.content else { return true }
        return !inner.contains { if case .map = $0.value.content { true } else { false } }
    }

    private static func sweepProblem(
        _ entries: [SourceNode.Entry], _ keys: Set<String>, _ problem: (String, String) -> ConfigProblem
    ) -> ConfigProblem? {
        if keys.contains("parameters"), !keys.contains("global") {
            let useless = entries.filter { isOfWandB($0) && !ResultSettingsReader.reads($0) }.map(\.key)
            let kept = entries.filter(ResultSettingsReader.reads).map(\.key)
            var form = "this is a W&B sweep file; put what is below 'parameters:' below 'global:'"
            if !kept.isEmpty {
                form +=
                    "; \(kept.joined(separator: ", ")) \(kept.count == 1 ? "stays where it is" : "stay where they are")"
            }
            if !useless.isEmpty {
                form += "; \(useless.joined(separator: ", ")) \(useless.count == 1 ? "means" : "mean") nothing here"
            }
            return problem("parameters", form)
        }
        let settings = entries.filter { entry in
            guard ExperimentConfig.fields.named(entry.key) != nil else { return false }
            if entry.key == "task_config", case .map = entry.value.content { return !entry.value.holdsParameter }
            if case .map = entry.value.content { return false }
            return true
        }
        if settings.count >= 5, let first = settings.first?.key {
            return problem(first, "this is an experiment's config, not a sweep; name it with --experiments")
        }
        return nil
    }

    private static func configProblem(
        _ keys: Set<String>, _ problem: (String, String) -> ConfigProblem
    ) -> ConfigProblem? {
        if keys.contains("global") || keys.contains("parameters") && keys.contains("method") {
            return problem(
                keys.contains("global") ? "global" : "parameters",
                "this is a sweep file, not an experiment's config; name it with --sweep")
        }
        return nil
    }
}

extension SourceNode {
    /// Whether it may be the section of an experiment that happens to be called as another tool's key.
    fileprivate var isSection: Bool {
        guard case .map(let entries) = content else { return false }
        return entries.contains { ExperimentConfig.isKnown($0.key) || $0.key == SweepReader.zipKey }
    }

    fileprivate var isList: Bool { if case .list = content { true } else { false } }

    /// Whether a parameter of a sweep stands somewhere below.
    fileprivate var holdsParameter: Bool {
        guard case .map(let entries) = content else { return false }
        return entries.contains { ParameterKey(rawValue: $0.key) != nil || $0.value.holdsParameter }
    }
}
