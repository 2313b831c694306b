import Foundation
import Kernels
import Metrics

/// What one step has to compute, counted from its shapes.
///
/// Counted is what no exact method can leave out: products in their cheapest order (nothing of rows × d_embed is
/// formed) over the rows that are not empty, and one evaluation of each gate on each such row. Elementwise work beside
/// the gates (masks, random numbers, Adam) is not.
///
/// All modules of the target are taken to be decomposed, as in the published experiments.
struct StepCost {
    /// Rows whose activations are not all zero, on average.
    let liveRows: Double
    /// Gate neurons as the method is written: rows × modules × C × N.
    let gateNeurons: Double
    /// Gate neurons of the live rows.
    let liveGateNeurons: Double
    /// Floating-point operations of the matrix products, forward and backward.
    let productFlops: Double

    init(_ decomposition: FeatureDecomposition, activeRows: Double) {
        let settings = decomposition.settings
        let modules = Double(decomposition.modules.count)
        let perRow = modules * Double(settings.subcomponents * settings.gateNeurons)
        liveRows = activeRows * Double(settings.batchSize)
        gateNeurons = Double(settings.batchSize) * perRow
        liveGateNeurons = liveRows * perRow
        let products =
            switch decomposition.target {
            case .tms(let target): StepProducts(tms: target, settings)
            case .residualMLP(let target): StepProducts(residualMLP: target, settings)
            }
        // A multiplication and an addition each; ||W - (V U)ᵀ||² is one product forward and two backward.
        let faithfulness = decomposition.modules.reduce(0) { $0 + 3 * $1.inputs * $1.outputs * settings.subcomponents }
        productFlops = 2 * (Double(products.perStep + faithfulness) + liveRows * Double(products.perRow))
    }

    /// The share of rows that hold anything but zeros.
    static func activeRows(probability: Double, features: Int, exactly count: Int?) -> Double {
        count == nil ? 1 - pow(1 - probability, Double(features)) : 1
    }

    /// The wall time below which no step with exact gates gets on a machine with these ceilings, in ms.
    func floorMilliseconds(_ ceilings: Ceilings) -> Double {
        let gates = liveGateNeurons * (ceilings.gateForwardNanoseconds + ceilings.gateBackwardNanoseconds)
        return (productFlops / ceilings.productGFLOPS + gates) / 1e6
    }
}

/// Multiply-adds of a step's products.
///
/// h[k] below is the height of what layer k hands on: C masked inner activations where it is replaced, else its
/// neurons.
private struct StepProducts {
    var perStep = 0
    var perRow = 0

    /// Which modules a masked run replaces: all, or one.
    private typealias Replaced = (Int) -> Bool

    /// Every masked run that is trained on.
    private static func runs(_ settings: DecompositionSettings, modules: Int) -> [Replaced] {
        let (loss, samples) = (settings.coefficients, settings.maskSamples)
        func times(_ coefficient: Float?, _ count: Int) -> Int { coefficient ?? 0 == 0 ? 0 : count }
        let whole =
            times(loss[.stochasticRecon], samples) + times(loss[.recon], 1) + times(loss[.outputRecon], 1)
        let layerwise = times(loss[.stochasticReconLayerwise], samples) + times(loss[.reconLayerwise], 1)
        let all = Array(repeating: { (_: Int) in true } as Replaced, count: whole)
        return all + (0..<layerwise).flatMap { _ in (0..<modules).map { only in { $0 == only } } }
    }

    // MARK: TMS: stages of (i inputs, o outputs), each a module

    init(tms target: TMSTarget, _ settings: DecompositionSettings) {
        let c = settings.subcomponents
        let stages = TargetModel.tms(target).modules.map { (i: $0.inputs, o: $0.outputs) }
        // The unmodified target, x V, and the gradient of V through x V.
        perRow += stages.reduce(0) { $0 + $1.i * $1.o + 2 * $1.i * c }
        for replaces in Self.runs(settings, modules: stages.count) {
            guard let first = stages.indices.first(where: replaces) else { continue }
            for (s, stage) in stages.enumerated() where s >= first {
                // Forward one product, backward two; behind the first replaced stage V counts as U does.
                perRow += replaces(s) ? 3 * c * stage.o + (s > first ? 3 * stage.i * c : 0) : 2 * stage.i * stage.o
            }
        }
    }

    // MARK: Residual MLP: f features, d embedding, m neurons; module 2l is mlp_in of layer l, 2l + 1 its mlp_out

    init(residualMLP target: ResidualMLPTarget, _ settings: DecompositionSettings) {
        let c = settings.subcomponents
        let (f, d) = (target.embedding.shape[0], target.embedding.shape[1])
        let m = target.layers.first?.input.shape[0] ?? 0
        let layers = target.layers.indices
        for l in layers {
            // W_E V and U W_U, and V's and U's gradients through them; U_k V, U_k W_in, W_out_k V of every earlier k.
            perStep += 4 * f * c * d + l * (3 * c * c * d + 4 * c * m * d)
            // The unmodified target; x V of both modules and the gradients of V through it.
            perRow += 2 * f * m + l * m * m + 2 * (f * c + l * m * c + m * c)
        }
        for replaces in Self.runs(settings, modules: 2 * layers.count) {
            guard let first = layers.first(where: { replaces(2 * $0) || replaces(2 * $0 + 1) }) else { continue }
            let h = layers.map { $0 >= first && replaces(2 * $0 + 1) ? c : m }
            perRow += h.reduce(0, +) * f  // the output
            for l in layers where l >= first {
                let (inIsReplaced, outIsReplaced) = (replaces(2 * l), replaces(2 * l + 1))
                let stream = h[..<l].reduce(0, +)  // all that reaches this layer from earlier ones
                let isClean = l == first && !inIsReplaced
                // Forward.
                if inIsReplaced { perRow += c * m + (l > first ? stream * c : 0) }
                if !inIsReplaced, l > first { perRow += stream * m }
                if outIsReplaced, !isClean { perRow += m * c }
                // Backward: from the output and from each later reader; weights where they are trained.
                perRow += h[l] * f * (outIsReplaced ? 2 : 1)
                for reader in layers where reader > l {
                    perRow += replaces(2 * reader) ? 2 * h[l] * c : h[l] * m * (outIsReplaced ? 2 : 1)
                }
                if outIsReplaced, !isClean { perRow += 2 * m * c }
                if inIsReplaced { perRow += 2 * c * m + (l > first ? first * m * c : 0) }
            }
        }
    }
}
