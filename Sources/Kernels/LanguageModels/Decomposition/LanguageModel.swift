internal import CKernels
import Metrics

/// What all parts of a language model's step read: the frozen model, the trained subcomponents, and which replace what.
final class LanguageModel {
    let weights: TransformerWeights
    let maps: PackedMaps
    let settings: DecompositionSettings
    /// T, the tokens of a row.
    let length: Int
    /// The decomposed modules, in the order of a forward pass, and their frozen biases.
    let modules: [LanguageModule]
    let biases: [Floats?]
    /// For each module that can be decomposed, its number among those that are.
    let decomposed: [Int?]
    /// A decomposed head's number.
    let headIndex: Int?
    let subcomponents: Subcomponents
    let runs: [MaskedRun]
    /// Whether reports hold cross-entropies.
    let logsCrossEntropy: Bool
    /// headᵀ head, where mean squared errors of logits ask for it.
    let gram: Storage
    /// The subcomponents of linear maps as a step's products take them, by module; U of a head is taken as it is.
    private let packedV: [PackedMatrix?]
    private let packedU: [PackedMatrix?]

    init(_ target: Transformer, settings: DecompositionSettings, length: Int, logsCrossEntropy: Bool)
        throws(KernelError)
    {
        let modules = try target.shape.modules(
            matching: settings.modulePatterns,
            reconstructsEmbedding: settings.coefficients[.embeddingRecon] != nil)
        let tensors = target.stateDict
        weights = TransformerWeights(target)
        maps = PackedMaps(weights, backTo: modules.map(\.stage).min() ?? .head)
        self.modules = modules
        self.settings = settings
        self.length = length
        self.logsCrossEntropy = logsCrossEntropy
        decomposed = weights.modules.map { module in modules.firstIndex { $0.name == module.name } }
        headIndex = modules.firstIndex { $0.kind == .head }
        let linears = weights.layers.flatMap { $0.projections + [$0.output] + $0.hidden + [$0.down] }
        biases = modules.map { [weights] module in
            let linear = linears.first { $0.module.map { weights.modules[$0].name } == module.name }
            return linear?.bias.map { weights.pointer + $0 }
        }
        subcomponents = Subcomponents(
            try modules.map { module throws(KernelError) in
                guard let weight = tensors[module.name + ".weight"] else {
                    throw .missingTensor(name: module.name + ".weight")
                }
                return DecomposedWeight(
                    name: module.name, inputs: module.inputs, outputs: module.outputs, weight: weight,
                    isEmbedding: module.kind.isEmbedding)
            }, tied: [], settings: settings)
        let c = settings.subcomponents
        packedV = modules.map { $0.kind.isEmbedding ? nil : PackedMatrix(rows: $0.inputs, columns: c) }
        packedU = modules.map { $0.kind == .linear ? PackedMatrix(rows: c, columns: $0.outputs) : nil }
        runs = MaskedRun.all(settings.coefficients, samples: settings.maskSamples, modules: modules.count)
        let (width, vocabulary) = (weights.shape.width, weights.shape.vocabulary)
        gram = Storage(count: settings.outputLoss == .mse ? width * width : 0)
        if settings.outputLoss == .mse {
            let head = weights.pointer + weights.head
            product(into: gram.pointer, head, head, m: width, n: width, k: vocabulary, .transposed)
        }
    }

    var layout: ParameterLayout { subcomponents.layout }
    var gates: [Gates] { subcomponents.gates }
    var parameters: Floats { subcomponents.parameters.pointer }

    /// V (inputs, C) of a linear map, and U (C, outputs), as packed last.
    func v(_ module: Int) -> PackedMatrix { Self.packed(packedV[module]) }
    func u(_ module: Int) -> PackedMatrix { Self.packed(packedU[module]) }

    private static func packed(_ matrix: PackedMatrix?) -> PackedMatrix {
        guard let matrix else { preconditionFailure("only linear maps have packed subcomponents") }
        return matrix
    }

    /// Packs the subcomponents as they are now.
    func packSubcomponents(_ team: Team) {
        team.share(2 * modules.count) { piece in
            let place = layout.modules[piece / 2]
            let matrix = piece % 2 == 0 ? packedV[piece / 2] : packedU[piece / 2]
            matrix?.pack(parameters + (piece % 2 == 0 ? place.v : place.u))
        }
    }

    /// Whether a step that makes no report runs the model at all: an embedding may be trained on its own.
    var needsModel: Bool {
        modules.contains { !$0.kind.isEmbedding }
            || runs.contains { $0.term != .embeddingRecon && $0.coefficient != 0 }
    }
}

/// What a part's rows add to the gradients.
///
/// V of an embedding is missing: its gradient is nothing but that of the entries that the part has seen.
final class LanguageAccumulator {
    private let storage: Storage
    private let vPlaces: [Int?]
    private let uPlaces: [Int]
    private let counts: [(v: Int, u: Int)]
    private let gatePlace: Int
    private let firstGate: Int
    private let gateCount: Int

    init(_ model: LanguageModel) {
        var next = 0
        func take(_ count: Int) -> Int {
            defer { next += (count + 15) & ~15 }
            return next
        }
        let (layout, c) = (model.layout, model.settings.subcomponents)
        counts = layout.modules.map { ($0.inputs * c, $0.outputs * c) }
        vPlaces = zip(model.modules, counts).map { $0.kind.isEmbedding ? nil : take($1.v) }
        uPlaces = counts.map { take($0.u) }
        gateCount = layout.count - layout.gates
        firstGate = layout.gates
        gatePlace = take(gateCount)
        storage = Storage(count: next)
    }

    func clear() { storage.clear() }

    /// V's gradient of a linear map (inputs, C).
    func v(_ module: Int) -> Floats {
        guard let place = vPlaces[module] else { preconditionFailure("an embedding's V has no dense gradient") }
        return storage.pointer + place
    }

    /// U's gradient (C, outputs).
    func u(_ module: Int) -> Floats { storage.pointer + uPlaces[module] }

    /// The gates' gradients, to be indexed by places of the layout.
    var gates: Floats { storage.pointer + gatePlace - firstGate }

    /// All numbers, to be added up over parts.
    var all: Storage { storage }

    /// Adds what was summed up to the gradients, laid out like the parameters.
    func add(to gradients: Floats, layout: ParameterLayout) {
        for (index, place) in layout.modules.enumerated() {
            if vPlaces[index] != nil { ck_add(gradients + place.v, v(index), counts[index].v) }
            ck_add(gradients + place.u, u(index), counts[index].u)
        }
        (gradients + firstGate).update(from: storage.pointer + gatePlace, count: gateCount)
    }
}

/// What a part's rows add to the losses and metrics.
struct LanguageSums {
    /// Each masked run's loss, before its share of the mean.
    var runs: [Double]
    /// By module and subcomponent: weighted sums over rows of ci_upper^p, shifted and not.
    var importance: [Double]
    var schatten: [Double]
    /// By module: how many causal importances exceed 0.01.
    var counts: [Double]
    var unmaskedKL = 0.0
    var maskedKL = 0.0
    /// The cross-entropies of `log_ce_losses`.
    var crossEntropies: [Metric.ModelVariant: Double] = [:]

    init(_ model: LanguageModel) {
        runs = Array(repeating: 0, count: model.runs.count)
        importance = Array(repeating: 0, count: model.modules.count * model.settings.subcomponents)
        schatten = importance
        counts = Array(repeating: 0, count: model.modules.count)
    }

    mutating func clear() {
        for index in runs.indices { runs[index] = 0 }
        for index in importance.indices {
            importance[index] = 0
            schatten[index] = 0
        }
        for index in counts.indices { counts[index] = 0 }
        crossEntropies = [:]
        unmaskedKL = 0
        maskedKL = 0
    }

    /// Hands the sums (modules, C) to a kernel.
    mutating func withSums(
        _ body: (_ importance: UnsafeMutablePointer<Double>, _ schatten: UnsafeMutablePointer<Double>) -> Void
    ) {
        importance.withUnsafeMutableBufferPointer { importance in
            schatten.withUnsafeMutableBufferPointer { schatten in
                guard let first = importance.baseAddress, let second = schatten.baseAddress else { return }
                body(first, second)
            }
        }
    }
}

/// What all parts of a step need to know.
struct LanguagePlan {
    let step: Int
    /// The batch's tokens (rows, length).
    let tokens: UnsafePointer<Int32>
    /// How many places the batch has.
    let places: Int
    /// Whether losses that are not trained on and metrics are computed too.
    let reporting: Bool
    /// ||V_c||² + ||U_c||² (modules, C), where the schatten loss asks for them.
    let squaredNorms: Floats
    let given: GivenDraws?
    let capture: LanguageCapture?
}

extension Stage {
    /// The layer that a step of a forward pass belongs to.
    var layer: Int? {
        switch self {
        case .embedding, .head: nil
        case .projections(let layer), .attention(let layer), .hidden(let layer), .mlpOutput(let layer): layer
        }
    }
}
