internal import CKernels
import Glibc
import Metrics

/// A weight that is decomposed, in memory that threads can point into.
struct DecomposedWeight {
    let name: String
    let inputs: Int
    let outputs: Int
    let weight: Storage
    /// How the weight is in memory here: W (outputs, inputs), or Wᵀ (inputs, outputs).
    let isTransposed: Bool
    /// Whether the model has it as an embedding does, (inputs, outputs).
    private let isEmbedding: Bool

    init(_ module: TargetModule) {
        name = module.name
        inputs = module.inputs
        outputs = module.outputs
        weight = Storage(module.weight.values)
        isTransposed = false
        isEmbedding = false
    }

    /// A weight of a language model, as the model has it; in memory it is (inputs, outputs), so some of its inputs lie together.
    init(name: String, inputs: Int, outputs: Int, weight: Tensor, isEmbedding: Bool) {
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.weight = Storage((isEmbedding ? weight : weight.transposed).values)
        self.isEmbedding = isEmbedding
        isTransposed = true
    }

    /// The weight as the model has it: (outputs, inputs), an embedding's (inputs, outputs).
    var tensor: Tensor {
        let stored = Tensor(
            shape: isTransposed ? [inputs, outputs] : [outputs, inputs], values: weight.values(0, inputs * outputs))
        return isTransposed == isEmbedding ? stored : stored.transposed
    }
}

/// What a decomposition trains, whatever its target: V, U and the gates of every module, their gradients and the
/// optimiser's moments; and the losses that depend on nothing else.
final class Subcomponents {
    let weights: [DecomposedWeight]
    let layout: ParameterLayout
    let gates: [Gates]
    let parameters: Storage
    let gradients: Storage
    let firstMoments: Storage
    let secondMoments: Storage
    /// The highest causal importance of each subcomponent since the last report (modules, C).
    let peaks: Storage
    /// The number of weights of all decomposed modules together.
    let elementsOfWeights: Int
    /// Pairs of module indices that share storage, the second's being the first's transposed.
    private let tied: [(Int, Int)]
    /// Room for V U - Wᵀ of each module.
    private let residuals: [Storage]

    /// Starts from random subcomponents.
    init(_ weights: [DecomposedWeight], tied: [(Int, Int)], settings: DecompositionSettings) {
        layout = ParameterLayout(
            sizes: weights.map { ($0.inputs, $0.outputs) }, subcomponents: settings.subcomponents,
            neurons: settings.gateNeurons)
        gates = layout.modules.map {
            Gates(subcomponents: settings.subcomponents, neurons: settings.gateNeurons, offset: $0.gate)
        }
        parameters = Storage(count: layout.count)
        gradients = Storage(count: layout.count)
        firstMoments = Storage(count: layout.count)
        secondMoments = Storage(count: layout.count)
        peaks = Storage(count: weights.count * settings.subcomponents)
        let needsResiduals = settings.coefficients[.faithfulness] != nil
        residuals = weights.map { Storage(count: needsResiduals ? $0.inputs * $0.outputs : 0) }
        elementsOfWeights = weights.reduce(0) { $0 + $1.inputs * $1.outputs }
        self.weights = weights
        self.tied = tied
        initializeParameters(seed: settings.seed)
    }

    /// Draws V and U from the standard normal distribution, scales their vectors to unit norm and each U_c by its
    /// overlap with W; draws the gates' weights.
    private func initializeParameters(seed: Int) {
        let (c, n, p) = (layout.subcomponents, layout.neurons, parameters.pointer)
        for (index, place) in layout.modules.enumerated() {
            if let (first, _) = tied.first(where: { $0.1 == index }) {
                copyTied(from: first, to: index)
            } else {
                let (i, o) = (place.inputs, place.outputs)
                let v = RandomStream(seed: seed, .componentV, index).normal(i * c)
                let u = RandomStream(seed: seed, .componentU, index).normal(c * o)
                let weight = weights[index]
                for component in 0..<c {
                    let column = (0..<i).map { v[$0 * c + component] }
                    let row = u[component * o..<(component + 1) * o]
                    let columnNorm = column.reduce(Double(0)) { $0 + Double($1 * $1) }.squareRoot()
                    let rowNorm = row.reduce(Double(0)) { $0 + Double($1 * $1) }.squareRoot()
                    // sum_ij U_ci W_ij V_jc
                    let overlap =
                        (weight.isTransposed
                            ? ck_bilinear(column, weight.weight.pointer, Array(row), i, o)
                            : ck_bilinear(Array(row), weight.weight.pointer, column, o, i)) / (columnNorm * rowNorm)
                    for j in 0..<i { p[place.v + j * c + component] = Float(Double(column[j]) / columnNorm) }
                    for (out, u) in row.enumerated() {
                        p[place.u + component * o + out] = Float(Double(u) / rowNorm * overlap)
                    }
                }
            }
            let count = n == 0 ? c : c * n
            let draws = RandomStream(seed: seed, .gate, index).normal(2 * count)
            for position in 0..<count {
                guard n > 0 else {
                    p[place.gate + position] = draws[position]
                    continue
                }
                // mlp_in ~ N(0, 2), mlp_out ~ N(0, 1/N); biases stay 0.
                p[place.gate + position] = draws[position] * Float(2).squareRoot()
                p[place.gate + 2 * count + position] = draws[count + position] / Float(n).squareRoot()
            }
        }
    }

    /// Makes a tied module's V and U the other's U and V transposed.
    private func copyTied(from first: Int, to second: Int) {
        let (from, to, p) = (layout.modules[first], layout.modules[second], parameters.pointer)
        let c = layout.subcomponents
        ck_transpose(p + to.v, p + from.u, c, from.outputs, c)
        ck_transpose(p + to.u, p + from.v, from.inputs, c, from.inputs)
    }
}

// MARK: Losses of the parameters alone

extension Subcomponents {
    /// ||W - (V U)ᵀ||² of a module, over the number of all weights; sets its gradients of V and U to faithfulness's.
    func faithfulnessLoss(_ module: Int, coefficient: Float?) -> Double {
        let place = layout.modules[module]
        let sum = residual(module, inputs: 0..<place.inputs, coefficient: coefficient)
        reduceResidual(module, 0..<layout.subcomponents, outputs: 0..<place.outputs, coefficient: coefficient)
        return sum / Double(elementsOfWeights)
    }

    /// The same of all modules together, in pieces that a team shares and that do not depend on its number of threads; all
    /// weights are in memory as embeddings have them.
    func faithfulnessLoss(coefficient: Float?, team: Team) -> Double {
        // Sixteen pieces of a module's inputs, then its gradient of U in eight by eight; none too small for a library.
        func size(_ count: Int, pieces: Int, least: Int) -> Int {
            max((count + pieces - 1) / pieces, min(least, count))
        }
        let rows = layout.modules.map { size($0.inputs, pieces: 16, least: 64) }
        let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: 16 * rows.count)
        defer { sums.deallocate() }
        sums.initialize(repeating: 0)
        team.share(sums.count) { piece in
            let (module, number) = (piece / 16, piece % 16)
            let (count, each) = (layout.modules[module].inputs, rows[module])
            guard number * each < count else { return }
            sums[piece] = residual(
                module, inputs: number * each..<min((number + 1) * each, count), coefficient: coefficient)
        }
        let c = layout.subcomponents
        let height = size(c, pieces: 8, least: 64)
        team.share(64 * rows.count) { piece in
            let (module, first) = (piece / 64, piece / 8 % 8 * height)
            let count = layout.modules[module].outputs
            let width = size(count, pieces: 8, least: 64)
            let start = piece % 8 * width
            guard first < c, start < count else { return }
            reduceResidual(
                module, first..<min(first + height, c), outputs: start..<min(start + width, count),
                coefficient: coefficient)
        }
        return sums.reduce(0, +) / Double(elementsOfWeights)
    }

    /// Finds V U - Wᵀ at some of a module's inputs; sets the gradient of V there, and returns the sum of squares.
    private func residual(_ module: Int, inputs: Range<Int>, coefficient: Float?) -> Double {
        let (place, c) = (layout.modules[module], layout.subcomponents)
        let (o, first, count) = (place.outputs, inputs.lowerBound, inputs.count)
        let dv = gradients.pointer + place.v + first * c
        guard let coefficient else {
            dv.update(repeating: 0, count: count * c)
            return 0
        }
        let (v, u) = (parameters.pointer + place.v + first * c, parameters.pointer + place.u)
        let residual = residuals[module].pointer + first * o  // (inputs, outputs)
        if weights[module].isTransposed {
            residual.update(from: weights[module].weight.pointer + first * o, count: count * o)
        } else {
            precondition(count == place.inputs, "a weight (outputs, inputs) is taken as a whole")
            ck_transpose(residual, weights[module].weight.pointer, o, count, o)
        }
        product(into: residual, v, u, m: count, n: o, k: c, keep: -1)
        product(
            into: dv, residual, u, m: count, n: c, k: o, .none, .transposed,
            scale: 2 * coefficient / Float(elementsOfWeights))
        return ck_sum_of_squares(residual, count * o)
    }

    /// Sets the gradient of U, of some subcomponents at some outputs, from a module's whole residual.
    private func reduceResidual(_ module: Int, _ components: Range<Int>, outputs: Range<Int>, coefficient: Float?) {
        let (place, c) = (layout.modules[module], layout.subcomponents)
        let (o, first) = (place.outputs, outputs.lowerBound)
        let du = gradients.pointer + place.u + components.lowerBound * o + first
        guard let coefficient else {
            for row in 0..<components.count { (du + row * o).update(repeating: 0, count: outputs.count) }
            return
        }
        product(
            into: du, parameters.pointer + place.v + components.lowerBound, residuals[module].pointer + first,
            m: components.count, n: outputs.count, k: place.inputs, .transposed, .none,
            scale: 2 * coefficient / Float(elementsOfWeights), strides: (o, c, o))
    }

    /// ||V_c||² + ||U_c||² of a module's subcomponents.
    func squaredNorms(_ module: Int, into norms: Floats) {
        let (place, c) = (layout.modules[module], layout.subcomponents)
        let (v, u) = (parameters.pointer + place.v, parameters.pointer + place.u)
        norms.update(repeating: 0, count: c)
        ck_add_column_squares(norms, v, place.inputs, c)
        for component in 0..<c {
            var sum: Float = 0
            for o in 0..<place.outputs {
                sum += u[component * place.outputs + o] * u[component * place.outputs + o]
            }
            norms[component] += sum
        }
    }

    /// Adds a module's schatten gradients: d/dV_c of ci^p ||V_c||² is 2 ci^p V_c, and likewise for U.
    ///
    /// `factors` (C) are the coefficient times the mean of ci_upper^p, doubled.
    func addSchattenGradients(_ module: Int, factors: [Float]) {
        let (place, c, p, d) = (layout.modules[module], layout.subcomponents, parameters.pointer, gradients.pointer)
        for i in 0..<place.inputs {
            let row = place.v + i * c
            for component in 0..<c { d[row + component] += factors[component] * p[row + component] }
        }
        for component in 0..<c {
            let row = place.u + component * place.outputs
            for o in 0..<place.outputs { d[row + o] += factors[component] * p[row + o] }
        }
    }
}

// MARK: Optimiser

extension Subcomponents {
    /// AdamW without weight decay; tied modules share their storage, and both updates go to it.
    func update(rate: Double, step: Int, team: Team) {
        let adam = ck_adam(rate: rate, decay: 0, updates: step + 1)
        let before = tied.map { first, _ in
            let place = layout.modules[first]
            return (
                parameters.values(place.v, place.inputs * layout.subcomponents),
                parameters.values(place.u, place.outputs * layout.subcomponents)
            )
        }
        team.split(layout.count) { range in
            let start = range.lowerBound
            ck_adam_update(
                self.parameters.pointer + start, self.firstMoments.pointer + start,
                self.secondMoments.pointer + start, self.gradients.pointer + start, range.count, adam)
        }
        for (pair, old) in zip(tied, before) { joinTied(pair, old: old) }
    }

    /// Both modules stepped from the same values: adds the second's change to the first and copies the sum back.
    private func joinTied(_ pair: (Int, Int), old: (v: [Float], u: [Float])) {
        let (first, second, p, c) = (
            layout.modules[pair.0], layout.modules[pair.1], parameters.pointer, layout.subcomponents
        )
        for component in 0..<c {
            for i in 0..<first.inputs {
                let place = i * c + component
                p[first.v + place] += p[second.u + component * first.inputs + i] - old.v[place]
            }
            for o in 0..<first.outputs {
                let place = component * first.outputs + o
                p[first.u + place] += p[second.v + o * c + component] - old.u[place]
            }
        }
        copyTied(from: pair.0, to: pair.1)
    }

    /// The norm of the gradients of all parameters.
    var gradientNorm: Double { ck_sum_of_squares(gradients.pointer, gradients.count).squareRoot() }

    /// By module: how many subcomponents had a causal importance over 0.1 since the last call.
    func takeAlive() -> [String: Int] {
        let c = layout.subcomponents
        let alive = weights.enumerated().map { index, weight in
            (weight.name, (0..<c).count { peaks.pointer[index * c + $0] > 0.1 })
        }
        peaks.clear()
        return Dictionary(uniqueKeysWithValues: alive)
    }
}

extension ck_adam {
    /// The constants of one update: betas 0.9 and 0.999, eps 1e-8.
    init(rate: Double, decay: Double, updates: Int) {
        let correction1 = 1 - pow(0.9, Double(updates))
        let correction2 = 1 - pow(0.999, Double(updates))
        self.init(
            rate: Float(rate), beta1: 0.9, one_minus_beta1: 0.1, beta2: 0.999, one_minus_beta2: 0.001,
            eps: 1e-8,
            decay: Float(decay), correction1: Float(correction1),
            sqrt_correction2: Float(correction2.squareRoot()))
    }
}
