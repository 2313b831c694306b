import Foundation
import Kernels
import Metrics

/// The method in double precision, written as its definition reads: no tiles, no threads, no shortcuts.
///
/// Rows of a matrix are rows of the batch. The components and gates are handed in by their published names.
struct ReferenceModel {
    let target: TargetModel
    let settings: DecompositionSettings
    /// The decomposed modules.
    let modules: [String]
    let batch: Matrix
    let uniforms: [GivenNumbers.Key: Matrix]
    /// The target's weights (outputs, inputs) and biases by their published names.
    let weights: [String: Matrix]
    private(set) var targetOutput: Matrix
    /// Each decomposed module's input in the unmodified target.
    private(set) var cleanInputs: [String: Matrix] = [:]

    typealias Parameters = [String: Matrix]

    init(
        _ target: TargetModel, _ settings: DecompositionSettings, modules: [String], given: GivenNumbers
    ) {
        self.target = target
        self.settings = settings
        self.modules = modules
        batch = Matrix(given.batch)
        uniforms = given.uniforms.mapValues { Matrix($0) }
        weights = target.stateDict.mapValues { Matrix($0) }
        targetOutput = Matrix(zeros: 0, 0)
        var inputs: [String: Matrix] = [:]
        targetOutput = output { module, input in
            inputs[module] = input
            return original(module, input)
        }
        cleanInputs = inputs
    }

    // MARK: The target

    /// The model's output, with `module` computing what each of its linear modules gives for an input.
    func output(kinks: Kinks? = nil, _ module: (String, Matrix) -> Matrix) -> Matrix {
        switch target {
        case .tms(let tms):
            var hidden = module("linear1", batch)
            for layer in tms.hiddenLayers.indices { hidden = module("hidden_layers.\(layer)", hidden) }
            return activate(module("linear2", hidden), .relu, kinks)
        case .residualMLP(let mlp):
            var stream = batch * weight("W_E")
            for layer in mlp.layers.indices {
                let before = module("layers.\(layer).mlp_in", stream)
                let neurons = activate(before, mlp.activation, kinks)
                stream = stream + module("layers.\(layer).mlp_out", neurons)
            }
            return stream * weight("W_U")
        }
    }

    /// A module as it stands in the target.
    func original(_ module: String, _ input: Matrix) -> Matrix {
        (input * weight(module + ".weight").transposed).adding(weights[module + ".bias"])
    }

    private func weight(_ name: String) -> Matrix { weights[name] ?? Matrix(zeros: 0, 0) }

    private func activate(_ x: Matrix, _ activation: Activation, _ kinks: Kinks?) -> Matrix {
        guard activation == .relu else { return x.map(gelu) }
        kinks?.noteReLU(x, batch)
        return x.map { max($0, 0) }
    }

    // MARK: Gates and causal importances

    func gate(_ module: String, _ a: Matrix, _ p: Parameters) -> Matrix {
        func parameter(_ name: String) -> [Double] { p["gates.\(module).\(name)"]?.values ?? [] }
        let neurons = settings.gateNeurons
        if neurons == 0 {
            let (weight, bias) = (parameter("weight"), parameter("bias"))
            return Matrix(a.rows, a.columns) { row, c in weight[c] * a[row, c] + bias[c] }
        }
        let (mlpIn, inBias) = (parameter("mlp_in"), parameter("in_bias"))
        let (mlpOut, outBias) = (parameter("mlp_out"), parameter("out_bias"))
        return Matrix(a.rows, a.columns) { row, c in
            var g = outBias[c]
            for n in c * neurons..<(c + 1) * neurons {
                g += mlpOut[n] * gelu(a[row, c] * mlpIn[n] + inBias[n])
            }
            return g
        }
    }

    static let alpha = 0.01

    /// What masks see.
    func lower(_ g: Double) -> Double {
        switch settings.sigmoid {
        case .leakyHard, .hard: min(max(g, 0), 1)
        case .normal: 1 / (1 + exp(-g))
        case .upperLeakyHard: upperLeaky(g)
        case .swishHard: swishHard(g)
        }
    }

    /// What importance losses see.
    func upper(_ g: Double) -> Double {
        settings.sigmoid == .leakyHard ? upperLeaky(g) : abs(lower(g))
    }

    private func upperLeaky(_ g: Double) -> Double { g > 1 ? 1 + Self.alpha * (g - 1) : max(g, 0) }

    private func swishHard(_ g: Double) -> Double {
        func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
        func s(_ x: Double) -> Double { x * sigmoid(10 * x) }
        func u(_ x: Double) -> Double { x * sigmoid(-10 * x) }
        let x = g - 0.5
        return 0.5 + u(x - 0.5) - s(x) + s(x + 0.5) - u(x)
    }

    /// leaky_hard's backward pass has another slope than its forward pass: this straight line has that slope.
    private func lowerLeakyLine(_ g: Double, around base: Double) -> Double {
        let slope = base <= 0 ? Self.alpha : base <= 1 ? 1 : 0
        return lower(base) + slope * (g - base)
    }

    // MARK: Losses

    struct Evaluation {
        var losses: [LossTerm: Double] = [:]
        var total = 0.0
        /// Gates' outputs and causal importances by module (rows, C).
        var gates: [String: Matrix] = [:]
        var ci: [String: Matrix] = [:]
        var ciUpper: [String: Matrix] = [:]
    }

    /// All losses that the settings ask for.
    ///
    /// With `base`, the gates' outputs at some point, leaky_hard's masks are replaced by lines through that point.
    func evaluate(_ p: Parameters, around base: [String: Matrix]? = nil, kinks: Kinks? = nil) -> Evaluation {
        var result = Evaluation()
        for module in modules {
            let g = gate(module, (cleanInputs[module] ?? batch) * component(module, "V", p), p)
            result.gates[module] = g
            result.ciUpper[module] = g.map(upper)
            result.ci[module] = g.map(lower)
            kinks?.noteGates(g, settings.sigmoid, value: lower)
            if settings.sigmoid == .leakyHard, let points = base?[module] {
                let line = zip(g.values, points.values).map { lowerLeakyLine($0, around: $1) }
                result.ci[module] = Matrix(g.rows, g.columns, line)
            }
        }

        /// D between the target's output and that of the model whose `replaced` modules are masked.
        func distance(replaced: [String], mask: (String) -> Matrix) -> Double {
            let masked = output(kinks: kinks) { module, input in
                guard replaced.contains(module) else { return original(module, input) }
                let inner = (input * component(module, "V", p)).times(mask(module))
                return (inner * component(module, "U", p)).adding(weights[module + ".bias"])
            }
            return self.distance(masked, targetOutput)
        }
        func importances(_ module: String) -> Matrix { result.ci[module] ?? batch }
        func random(_ term: LossTerm, _ sample: Int) -> (String) -> Matrix {
            { module in
                let (ci, key) = (
                    importances(module), GivenNumbers.Key(term: term, sample: sample, module: module)
                )
                let r = uniforms[key] ?? Matrix(zeros: 0, 0)
                return ci + ci.map { 1 - $0 }.times(r)
            }
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

        for term in LossTerm.allCases where settings.coefficients[term] != nil {
            result.losses[term] =
                switch term {
                case .faithfulness: faithfulness(p)
                case .recon: distance(replaced: modules, mask: importances)
                case .stochasticRecon:
                    mean(
                        (0..<settings.maskSamples).map {
                            distance(replaced: modules, mask: random(.stochasticRecon, $0))
                        })
                case .reconLayerwise: mean(modules.map { distance(replaced: [$0], mask: importances) })
                case .stochasticReconLayerwise:
                    mean(
                        (0..<settings.maskSamples).flatMap { sample in
                            modules.map {
                                distance(
                                    replaced: [$0], mask: random(.stochasticReconLayerwise, sample))
                            }
                        })
                case .outputRecon:
                    distance(replaced: modules) { importances($0).map { _ in 1 } }
                case .importanceMinimality:
                    result.ciUpper.values.reduce(0) { sum, ci in
                        sum + ci.values.reduce(0) { $0 + pow($1 + 1e-12, Double(settings.pnorm)) }
                    } / Double(batch.rows)
                case .schatten: schatten(p, result.ciUpper)
                case .embeddingRecon: preconditionFailure("toy models have no embeddings")
                }
        }
        result.total = result.losses.reduce(0) {
            $0 + Double(settings.coefficients[$1.key] ?? 0) * $1.value
        }
        return result
    }

    private func component(_ module: String, _ letter: String, _ p: Parameters) -> Matrix {
        p["components.\(module).\(letter)"] ?? Matrix(zeros: 0, 0)
    }

    private func distance(_ output: Matrix, _ target: Matrix) -> Double {
        if settings.outputLoss == .mse { return (output - target).sumOfSquares / Double(output.values.count) }
        var sum = 0.0
        for row in 0..<output.rows {
            let (p, q) = (softmax(target, row), softmax(output, row))
            sum += zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
        }
        return sum / Double(output.rows)
    }

    private func softmax(_ x: Matrix, _ row: Int) -> [Double] {
        let powers = (0..<x.columns).map { exp(x[row, $0]) }
        return powers.map { $0 / powers.reduce(0, +) }
    }

    private func faithfulness(_ p: Parameters) -> Double {
        var (sum, elements) = (0.0, 0)
        for module in modules {
            let weight = weight(module + ".weight")
            sum += (weight - (component(module, "V", p) * component(module, "U", p)).transposed).sumOfSquares
            elements += weight.values.count
        }
        return sum / Double(elements)
    }

    private func schatten(_ p: Parameters, _ ciUpper: [String: Matrix]) -> Double {
        var sum = 0.0
        for module in modules {
            let (v, u) = (component(module, "V", p), component(module, "U", p))
            let ci = ciUpper[module] ?? batch
            for c in 0..<ci.columns {
                let column = (0..<v.rows).reduce(0) { $0 + v[$1, c] * v[$1, c] }
                let row = (0..<u.columns).reduce(0) { $0 + u[c, $1] * u[c, $1] }
                for r in 0..<ci.rows { sum += pow(ci[r, c], Double(settings.pnorm)) * (column + row) }
            }
        }
        return sum / Double(batch.rows)
    }
}

/// The exact GELU, x Φ(x).
func gelu(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }

/// How close an evaluation came to a point where a derivative jumps.
final class Kinks {
    private(set) var nearestReLU = Double.infinity
    private(set) var nearestGate = Double.infinity

    /// Exact zeros count except on the batch's empty rows, where no parameter moves them.
    func noteReLU(_ x: Matrix, _ batch: Matrix) {
        for row in 0..<x.rows {
            let isEmpty = (0..<batch.columns).allSatisfy { batch[row, $0] == 0 }
            for column in 0..<x.columns where !isEmpty || x[row, column] != 0 {
                nearestReLU = min(nearestReLU, abs(x[row, column]))
            }
        }
    }

    func noteGates(_ g: Matrix, _ sigmoid: Sigmoid, value: (Double) -> Double) {
        for g in g.values {
            switch sigmoid {
            case .normal: break
            case .swishHard: nearestGate = min(nearestGate, abs(value(g)))
            case .hard, .leakyHard, .upperLeakyHard: nearestGate = min(nearestGate, abs(g), abs(g - 1))
            }
        }
    }

    var areFar: Bool { nearestReLU > 1e-4 && nearestGate > 1e-3 }
}
