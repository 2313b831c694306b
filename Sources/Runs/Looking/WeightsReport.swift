import Analysis
import JSON
import Kernels
import Metrics

/// What is said about a decomposition's weights, and of two, as JSON for the orchestrator.
public enum WeightsReport {
    /// A decomposition on its own: the answer of `RecoveryReport`.
    ///
    /// - Throws: `RunError.invalid` for a target whose tensors do not fit together.
    public static func json(_ weights: PublishedWeights) throws(RunError) -> String {
        let recovery = try weights.analysed(nil)?.recovery(weights.tensors)
        do { return try JSONText.line(RecoveryReport.Answer(recovery: recovery)) } catch {
            throw .failed("\(error)")
        }
    }

    /// The subcomponents of two decompositions, matched module by module.
    ///
    /// - Throws: `RunError.invalid` where they decompose no module of the same name and shape, or one is not finite.
    public static func json(_ first: PublishedWeights, _ second: PublishedWeights) throws(RunError) -> String {
        for weights in [first, second] { try weights.requireFinite() }
        let targets = (try first.analysed(nil), try second.analysed(nil))
        var (modules, misfits): ([JSONValue], [String]) = ([], [])
        for module in first.modules where second.modules.contains(module) {
            guard let a = RankOneMatrices(of: module, in: first.tensors),
                let b = RankOneMatrices(of: module, in: second.tensors)
            else { continue }
            guard a.inputs == b.inputs, a.outputs == b.outputs else {
                misfits.append(
                    "\(module) is \(a.inputs) x \(a.outputs) in the one and \(b.inputs) x \(b.outputs) in the other")
                continue
            }
            let ends = (
                targets.0?.featureEnd(of: module, a), targets.1?.featureEnd(of: module, b)
            )
            modules.append(value(module, ends, SubcomponentMatch(a, b)))
        }
        guard !modules.isEmpty else {
            throw .invalid(
                "the two have no decomposed module in common"
                    + (misfits.isEmpty
                        ? " (\(first.modules.joined(separator: ", ")); \(second.modules.joined(separator: ", ")))"
                        : ": " + misfits.joined(separator: "; ")))
        }
        let sameTarget = first.target == second.target
        return JSONValue.object(["same_target": .bool(sameTarget), "modules": .array(modules)]).text
    }

    private static func value(
        _ module: String, _ ends: (FeatureEnd?, FeatureEnd?), _ match: SubcomponentMatch
    ) -> JSONValue {
        .object([
            "module": .string(module), "mean_cosine": number(match.meanCosine),
            "compared_by": ends.0.map { .string($0.name) } ?? .null,
            "pairs": .array(
                match.pairs.map { pair in
                    let from = ends.0?.strongest(pair.first)
                    let to = ends.1?.strongest(pair.second)
                    return .object([
                        "first": .number(pair.first), "second": .number(pair.second), "cosine": number(pair.cosine),
                        "first_norm": number(pair.firstNorm), "second_norm": number(pair.secondNorm),
                        "first_feature": from.map { .number($0) } ?? .null,
                        "second_feature": to.map { .number($0) } ?? .null, "moved": .bool(from != to),
                    ])
                }),
            "first_alone": .integers(match.firstAlone), "second_alone": .integers(match.secondAlone),
            "first_left_out": .integers(match.firstDead), "second_left_out": .integers(match.secondDead),
        ])
    }

    /// JSON proper has no number for what is none.
    private static func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
}
