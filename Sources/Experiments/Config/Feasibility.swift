extension ExperimentConfig {
    /// Why this config cannot run, a line for each key to blame.
    ///
    /// The same is asked at `submit`, by agents, and of every combination of a sweep.
    ///
    /// - Parameter target: How the target was trained, or nil if that is not known yet.
    /// - Returns: The keys and the reasons.
    public func obstacles(decomposing target: TargetConfig?) -> [(key: String, reason: String)] {
        conflicts(decomposing: target).map { ($0.key, $0.reason) }
    }

    /// Why this config cannot run.
    func conflicts(decomposing target: TargetConfig?) -> [Conflict] {
        let kind = taskConfig.kind
        var conflicts = kind.conflicts(self)
        if self.target == nil {
            let hub = kind.takesHubNames ? ", and pretrained_model_name_hf is null too" : ""
            let reason = "null\(hub); there is no target to decompose. Expected \(Rule.pretrainedModel.allowed)"
            conflicts.append(Conflict(key: "pretrained_model_path", reason: reason))
        }
        guard let target else { return conflicts + embeddingConflicts(modules: kind.hasEmbeddings ? nil : []) }
        guard target.kind == kind else {
            let reason = "the target is a \(target.kind.name) model, task_name says \(taskConfig.name)"
            return conflicts + [Conflict(key: "pretrained_model_path", reason: reason)]
        }
        let modules = target.modules
        for pattern in targetModulePatterns where !modules.contains(where: { $0.matches(pattern) }) {
            let names = modules.map(\.name).joined(separator: ", ")
            let reason = "'\(pattern)' matches no module; the target has \(names)"
            conflicts.append(Conflict(key: "target_module_patterns", reason: reason))
        }
        let own =
            userMetrics.isEmpty && userFigures.isEmpty ? [] : userMetricObstacles(scope(decomposing: target))
        return conflicts + target.configured.conflicts(with: self)
            + embeddingConflicts(modules: decomposedModules(of: target)) + own.map { Conflict(key: $0, reason: $1) }
    }

    /// Whether the embedding's reconstruction can be computed on the decomposed modules; nil if they are not known.
    private func embeddingConflicts(modules: [TargetConfig.Module]?) -> [Conflict] {
        guard embeddingReconCoeff != nil, let modules else { return [] }
        guard modules.count != 1 || !modules.allSatisfy(\.isEmbedding) else { return [] }
        let found =
            modules.contains(where: \.isEmbedding)
            ? "target_module_patterns names \(modules.count) modules: \(modules.map(\.name).joined(separator: ", "))"
            : "a \(taskConfig.name) target has no embedding module that is decomposed"
        let reason = "needs exactly one decomposed module, of the kind Embedding; \(found). Leave it null"
        return [Conflict(key: "embedding_recon_coeff", reason: reason)]
    }

    /// The target's modules that the patterns name.
    func decomposedModules(of target: TargetConfig) -> [TargetConfig.Module] {
        target.modules.filter { module in targetModulePatterns.contains { module.matches($0) } }
    }

    /// Where the target comes from; nil if the config names none.
    public var target: PretrainedModel? {
        pretrainedModelPath ?? (taskConfig.kind.takesHubNames ? pretrainedModelNameHF.map(PretrainedModel.hub) : nil)
    }
}
