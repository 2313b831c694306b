public import UserMetrics

extension ExperimentConfig {
    /// What a run offers to users' metrics, according to its config and its target's.
    public func scope(decomposing target: TargetConfig) -> Scope {
        let isText = taskConfig.hasTokens
        let rows = taskConfig.text.map { [batchSize, $0.maxSeqLen] } ?? [batchSize]
        let modules = decomposedModules(of: target).map { module in
            Scope.Module(
                name: module.name, rows: rows, subcomponents: C, inputs: module.inputs, outputs: module.outputs,
                isEmbedding: module.isEmbedding)
        }
        let row = target.training.featureCount.map { [batchSize, $0] }
        return scope(modules: modules, batch: isText ? rows : row ?? rows, output: isText ? nil : row)
    }

    /// What a run with some modules offers to users' metrics.
    ///
    /// - Parameters:
    ///   - modules: The decomposed modules.
    ///   - batch: The shape of a batch.
    ///   - output: The shape of an output; nil if outputs are never stored whole.
    /// - Returns: Names, shapes and the budget.
    public func scope(modules: [Scope.Module], batch: [Int], output: [Int]?) -> Scope {
        var quantities: [Quantity: [Int]] = [.batch: batch]
        var refusals: [Quantity: String] = [:]
        for quantity in [Quantity.targetOut, .outUnmasked, .outMasked] {
            quantities[quantity] = output
            if output == nil {
                refusals[quantity] =
                    "is not there for a language model, whose logits are never stored whole; "
                    + "its distances are logged as misc/unmasked_kl_loss_vs_target and misc/masked_kl_loss_vs_target"
            }
        }
        return Scope(
            modules: modules, quantities: quantities, refusals: refusals, budget: rowBudget(modules: modules.count))
    }

    /// About as many operations as the gates of the steps between two rows take: a metric must not cost more than the
    /// training that it looks at.
    private func rowBudget(modules: Int) -> Double {
        let places = Double(batchSize) * Double(taskConfig.text?.maxSeqLen ?? 1)
        let step = places * Double(C) * Double(max(nCIMLPNeurons, 1)) * Double(modules)
        return min(max(Double(printFreq) * step, 5e7), 1e10)
    }

    /// What is wrong with users' metrics and figures, given what the run offers: the keys that are to blame, and the reasons.
    public func userMetricObstacles(_ scope: Scope) -> [(key: String, reason: String)] {
        var found: [(String, String)] = []
        _ = MetricProgram(userMetrics, scope: scope) { name, error in
            let text = userMetrics.first { $0.name == name }?.text ?? ""
            found.append(("user_metrics.\(name)", error.words(in: text)))
        }
        _ = FigureProgram(userFigures, scope: scope) { figure, text, error in
            found.append(("user_figures.\(figure.name)", error.words(in: text)))
        }
        return found
    }
}
