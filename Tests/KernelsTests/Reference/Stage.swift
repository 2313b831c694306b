import Metrics
import TestFiles

@testable import Kernels

/// A scene with its numbers: a decomposition, the reference, and a point at which both are evaluated.
struct Stage {
    let decomposition: FeatureDecomposition
    let reference: ReferenceModel
    let given: GivenNumbers
    /// The components and gates.
    let point: StateDict
    /// How near the point's losses come to where a derivative jumps.
    let kinks: Kinks

    /// The first of the scene's stages, drawn from the seeds 0, 1 …, on which all derivatives exist.
    static func smooth(_ scene: Scene) throws -> Stage {
        for seed in 0..<200 {
            let stage = try Stage(scene, seed: seed)
            if stage.kinks.areFar { return stage }
        }
        throw NoSmoothPoint()
    }

    struct NoSmoothPoint: Error {}

    init(_ scene: Scene, seed: Int) throws {
        var numbers = Numbers(seed: UInt64(seed))
        let target = try numbers.target(scene.network)
        let lowest: Float = if case .tms = target { 0 } else { -1 }
        let settings = DecompositionSettings(
            subcomponents: scene.subcomponents, maskSamples: scene.maskSamples,
            gateNeurons: scene.gateNeurons, sigmoid: scene.sigmoid, modulePatterns: scene.patterns,
            coefficients: scene.coefficients, pnorm: scene.pnorm, outputLoss: scene.outputLoss, steps: 10,
            batchSize: scene.rows.count, learningRate: LearningRate(peak: 1e-3), seed: seed)
        let data = SparseFeatures(
            features: target.features, activity: .independent(probability: 0.3), lowest: lowest)
        decomposition = try FeatureDecomposition(
            target: target, data: data, settings: settings, threads: scene.threads)
        let names = decomposition.modules.map(\.name)
        point = numbers.point(like: decomposition.trainedTensors, target)
        try decomposition.setTrainedTensors(point)
        var uniforms: [GivenNumbers.Key: Tensor] = [:]
        for term in [LossTerm.stochasticRecon, .stochasticReconLayerwise] {
            for sample in 0..<scene.maskSamples {
                for module in names {
                    uniforms[.init(term: term, sample: sample, module: module)] = numbers.tensor(
                        [scene.rows.count, scene.subcomponents], 0..<1)
                }
            }
        }
        given = GivenNumbers(
            batch: numbers.batch(scene.rows, features: target.features, lowest: lowest), uniforms: uniforms)
        reference = ReferenceModel(target, settings, modules: names, given: given)
        kinks = Kinks()
        _ = reference.evaluate(point.mapValues { Matrix($0) }, kinks: kinks)
    }
}

/// A repeatable source of arbitrary numbers, tensors and targets.
struct Numbers: RandomNumberGenerator {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed &* 0x5851_F42D_4C95_7F2D) }

    mutating func next() -> UInt64 { generator.next() }

    mutating func tensor(_ shape: [Int], _ range: Range<Float>) -> Tensor {
        Tensor(
            shape: shape, values: (0..<shape.reduce(1, *)).map { _ in Float.random(in: range, using: &self) })
    }

    mutating func target(_ network: Scene.Network) throws -> TargetModel {
        switch network {
        case .tms(let f, let h, let layers, let tied):
            var weights = [
                "linear1.weight": tensor([h, f], -1..<1), "linear2.bias": tensor([f], -0.3..<0.5),
            ]
            weights["linear2.weight"] = tied ? weights["linear1.weight"]?.transposed : tensor([f, h], -1..<1)
            for layer in 0..<layers { weights["hidden_layers.\(layer).weight"] = tensor([h, h], -1..<1) }
            let shape = TMSShape(features: f, hidden: h, hiddenLayers: layers, tiedWeights: tied)
            return .tms(try TMSTarget(stateDict: weights, shape: shape))
        case .mlp(let f, let d, let m, let layers, let activation, let inBias, let outBias):
            var weights = ["W_E": tensor([f, d], -1..<1), "W_U": tensor([d, f], -1..<1)]
            for layer in 0..<layers {
                weights["layers.\(layer).mlp_in.weight"] = tensor([m, d], -1..<1)
                weights["layers.\(layer).mlp_out.weight"] = tensor([d, m], -1..<1)
                if inBias { weights["layers.\(layer).mlp_in.bias"] = tensor([m], -0.5..<0.5) }
                if outBias { weights["layers.\(layer).mlp_out.bias"] = tensor([d], -0.5..<0.5) }
            }
            let shape = ResidualMLPShape(
                features: f, embedding: d, neurons: m, layers: layers, activation: activation, inBias: inBias,
                outBias: outBias)
            return .residualMLP(try ResidualMLPTarget(stateDict: weights, shape: shape))
        }
    }

    /// Components and gates whose importances fall below 0, between 0 and 1, and above 1.
    mutating func point(like tensors: StateDict, _ target: TargetModel) -> StateDict {
        var result: StateDict = [:]
        for name in tensors.keys.sorted() {
            let range: Range<Float> =
                switch name.split(separator: ".").last {
                case "out_bias", "bias": -0.4..<1.2
                case "weight", "mlp_in", "mlp_out": -2..<2
                default: -1..<1
                }
            result[name] = tensors[name].map { tensor($0.shape, range) }
        }
        if case .tms(let tms) = target, tms.tiedWeights, tensors["components.linear1.V"] != nil,
            tensors["components.linear2.V"] != nil
        {
            result["components.linear2.V"] = result["components.linear1.U"]?.transposed
            result["components.linear2.U"] = result["components.linear1.V"]?.transposed
        }
        return result
    }

    /// A batch in which half the entries are zeros.
    mutating func batch(_ rows: Scene.Rows, features: Int, lowest: Float) -> Tensor {
        var batch = tensor([rows.count, features], lowest..<1)
        for row in 0..<rows.count {
            let isEmpty =
                switch rows {
                case .allEmpty: true
                case .noneEmpty: false
                case .someEmpty: row % 3 == 1
                }
            for feature in 0..<features {
                let place = row * features + feature
                if isEmpty || (feature != row % features && Bool.random(using: &self)) {
                    batch.values[place] = 0
                }
            }
        }
        return batch
    }
}
