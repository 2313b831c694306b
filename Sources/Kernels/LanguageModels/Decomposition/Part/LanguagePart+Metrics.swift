internal import CKernels
import Metrics

extension LanguagePart {
    /// Adds the kl and cross-entropies of the current rows, with all modules replaced.
    func addMetrics(_ plan: LanguagePlan) {
        sums.unmaskedKL += evaluate(.ones, plan, variant: .unmasked)
        sums.maskedKL += evaluate(.zeros, plan, variant: .masked)
        guard model.logsCrossEntropy else { return }
        sums.crossEntropies[.target, default: 0] += head.crossEntropy(
            of: target.x, logSums: target.logSums, labels: labels(plan), count: predictions(plan), places: places)
        begin(.all)
        run.isZero = true
        pass.forward(masked, from: run.first, replacing: self)
        sums.crossEntropies[.zeroMasked, default: 0] += outputEntropy(plan, measuring: true)
    }

    /// The kl of a run that nothing is trained on.
    private func evaluate(
        _ uniforms: MaskedRun.Uniforms, _ plan: LanguagePlan, variant: Metric.ModelVariant
    ) -> Double {
        begin(.all)
        draw(uniforms, of: .recon, plan)
        let divergence = outputLoss(.kl, isTrained: false, scale: 0)
        if model.logsCrossEntropy {
            sums.crossEntropies[variant, default: 0] += outputEntropy(plan, measuring: false)
        }
        return divergence
    }

    /// The cross-entropy of the current run; `measuring` finds its logarithms of sums first.
    private func outputEntropy(_ plan: LanguagePlan, measuring: Bool) -> Double {
        let (labels, count) = (labels(plan), predictions(plan))
        if let components = applyHead() {
            if measuring { head.measure(components, places: places) }
            return head.crossEntropy(of: components, labels: labels, count: count, places: places)
        }
        if measuring { head.measure(masked.finalNormed, places: places) }
        return head.crossEntropy(
            of: masked.finalNormed, logSums: head.logSums, labels: labels, count: count, places: places)
    }

    /// Each place's label is the next token, across the ends of rows, as the published tool counts.
    private func labels(_ plan: LanguagePlan) -> UnsafePointer<Int32> { plan.tokens + firstPlace + 1 }

    /// How many of the current places have a next token.
    private func predictions(_ plan: LanguagePlan) -> Int { min(places, plan.places - 1 - firstPlace) }
}

extension LanguagePart {
    /// Adds to each subcomponent's sum (modules, C) at how many of the current places its causal importance exceeds a
    /// threshold; positions count once a batch.
    func countActive(over threshold: Float, into sums: UnsafeMutablePointer<Double>) {
        let c = model.settings.subcomponents
        for (index, share) in shares.enumerated() {
            for component in 0..<c {
                var peak: Float = 0
                switch share {
                case .linear(let share):
                    sums[index * c + component] += ck_importance_counts(
                        &peak, share.ci + component * places, ones, threshold, 1, places)
                case .entries(let share):
                    // All places of the part at once, when its first are at hand.
                    guard firstPlace == rows.lowerBound * model.length else { continue }
                    for entry in 0..<share.count where share.ci[entry * c + component] > threshold {
                        sums[index * c + component] += Double(share.block.weight[entry])
                    }
                }
            }
        }
    }
}
