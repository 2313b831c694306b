internal import CKernels
import Metrics

/// A replay's uniform numbers in memory that threads can point into.
final class GivenDraws {
    private let stored: [GivenNumbers.Key: Storage]
    private let modules: [String]

    init(_ uniforms: [GivenNumbers.Key: Tensor], modules: [String]) {
        stored = uniforms.mapValues { Storage($0.values) }
        self.modules = modules
    }

    func uniforms(_ term: LossTerm, sample: Int, module: Int) -> Floats? {
        stored[GivenNumbers.Key(term: term, sample: sample, module: modules[module])]?.pointer
    }
}

/// Where threads leave what a captured step computed: target_out (B, T, vocabulary), causal importances (B, T, C), those of
/// positions (1, T, C).
final class LanguageCapture {
    private let model: LanguageModel
    private let shapes: [[Int]]
    private let targetOutput: Storage
    private let ci: [Storage]
    private let ciUpper: [Storage]
    private let outputShape: [Int]

    /// Room for a batch's values; without `withOutput` for causal importances only.
    init(_ decomposition: LanguageDecomposition, withOutput: Bool = true) {
        let (model, settings) = (decomposition.model, decomposition.settings)
        let (rows, length) = (settings.batchSize, decomposition.length)
        shapes = model.modules.map { [$0.kind == .positions ? 1 : rows, length, settings.subcomponents] }
        outputShape = [rows, length, model.weights.shape.vocabulary]
        targetOutput = Storage(count: withOutput ? outputShape.reduce(1, *) : 0)
        ci = shapes.map { Storage(count: $0.reduce(1, *)) }
        ciUpper = shapes.map { Storage(count: $0.reduce(1, *)) }
        self.model = model
    }

    /// Copies what a part has computed of the current rows.
    func record(_ part: LanguagePart) {
        let (c, places, first) = (model.settings.subcomponents, part.places, part.firstPlace)
        let (weights, vocabulary) = (model.weights, model.weights.shape.vocabulary)
        if targetOutput.count > 0 {
            product(
                into: targetOutput.pointer + first * vocabulary, part.target.x, weights.pointer + weights.head,
                m: places,
                n: vocabulary, k: weights.shape.width, .transposed, .transposed)
        }
        for (index, share) in part.shares.enumerated() {
            let (lower, upper, code) = (part.importances.ci, part.importances.ciUpper, model.settings.sigmoid.code)
            switch share {
            case .linear(let share):
                ck_importance_forward(lower, upper, share.gate, code, c * places)
                ck_transpose(ci[index].pointer + first * c, lower, c, places, c)
                ck_transpose(ciUpper[index].pointer + first * c, upper, c, places, c)
            case .entries(let share):
                guard !share.isPositions || first == 0 else { continue }
                ck_importance_forward(lower, upper, share.block.gate, code, c * share.gateRows)
                let start = first - part.rows.lowerBound * model.length
                for place in 0..<(share.isPositions ? model.length : places) {
                    let entry = Int(share.entryOfPlace[start + place])
                    for component in 0..<c {
                        ci[index].pointer[(first + place) * c + component] = lower[component * share.gateRows + entry]
                        ciUpper[index].pointer[(first + place) * c + component] =
                            upper[component * share.gateRows + entry]
                    }
                }
            }
        }
    }

    private func tensors(_ storage: [Storage]) -> [String: Tensor] {
        Dictionary(
            uniqueKeysWithValues: model.modules.indices.map { index in
                (
                    model.modules[index].name,
                    Tensor(shape: shapes[index], values: storage[index].values(0, storage[index].count))
                )
            })
    }

    /// By module: as masks see them, and as importance losses do.
    var importances: (ci: [String: Tensor], ciUpper: [String: Tensor]) { (tensors(ci), tensors(ciUpper)) }

    func result(gradients: StateDict) -> StepCapture {
        let importances = importances
        return StepCapture(
            targetOutput: Tensor(shape: outputShape, values: targetOutput.values(0, targetOutput.count)),
            ci: importances.ci, ciUpper: importances.ciUpper, gradients: gradients)
    }
}
