import Kernels
import Metrics
import Testing

/// What a decomposition is compared with the reference on; a row of a table of configurations.
struct Scene: CustomTestStringConvertible, Sendable {
    enum Network: Sendable {
        case tms(features: Int = 4, hidden: Int = 2, layers: Int = 0, tied: Bool = false)
        case mlp(
            features: Int = 3, width: Int = 2, neurons: Int = 4, layers: Int = 1, Activation = .relu,
            inBias: Bool = false, outBias: Bool = false)
    }

    enum Rows: Sendable {
        case someEmpty(Int)
        case noneEmpty(Int)
        case allEmpty(Int)

        var count: Int {
            switch self {
            case .someEmpty(let count), .noneEmpty(let count), .allEmpty(let count): count
            }
        }
    }

    var network: Network
    var patterns = ["*"]
    var sigmoid = Sigmoid.leakyHard
    var gateNeurons = 2
    var pnorm: Float = 1
    var maskSamples = 1
    var outputLoss = OutputLoss.mse
    var coefficients = Self.allLosses
    var subcomponents = 3
    var rows = Rows.someEmpty(5)
    var threads = 1

    /// Every loss, each with a weight of its own.
    static var allLosses: LossCoefficients {
        var all = LossCoefficients(importanceMinimality: 0.3)
        all[.faithfulness] = 0.7
        all[.recon] = 0.9
        all[.stochasticRecon] = 1.1
        all[.reconLayerwise] = 0.8
        all[.stochasticReconLayerwise] = 1.3
        all[.schatten] = 0.2
        all[.outputRecon] = 0.6
        return all
    }

    /// The same, one of them with a weight of 0.
    static var allLossesButRecon: LossCoefficients {
        var all = allLosses
        all[.recon] = 0
        return all
    }

    /// Importance minimality and one other loss.
    static func only(_ term: LossTerm, _ coefficient: Float = 0.9, importance: Float = 0.3)
        -> LossCoefficients
    {
        var result = LossCoefficients(importanceMinimality: importance)
        if term != .importanceMinimality { result[term] = coefficient }
        return result
    }

    var testDescription: String {
        let losses = LossTerm.allCases.filter { coefficients[$0] != nil }.map(\.rawValue)
        return """
            \(network) \(patterns.joined(separator: ",")) \(sigmoid.rawValue) N=\(gateNeurons) p=\(pnorm) \
            samples=\(maskSamples) \(outputLoss.rawValue) C=\(subcomponents) \(rows) threads=\(threads) \
            \(losses.count == Self.toyLosses.count ? "all losses" : losses.joined(separator: "+"))
            """
    }
}

// MARK: The table

extension Scene {
    /// Small ones: every gradient is compared.
    static let small: [Scene] =
        sigmoidsAndGates + exponentsAndSamples + tmsShapes + mlpShapes + patterns + batches + lossesAlone

    private static let sigmoidsAndGates = Sigmoid.allCases.flatMap { sigmoid in
        [0, 3].flatMap { neurons in
            [
                Scene(network: .tms(layers: 1), sigmoid: sigmoid, gateNeurons: neurons, threads: 2),
                Scene(network: .mlp(.gelu, outBias: true), sigmoid: sigmoid, gateNeurons: neurons),
            ]
        }
    }

    private static let exponentsAndSamples = [0.9, 1, 2, 3].flatMap { (pnorm: Float) in
        [
            Scene(network: .tms(), pnorm: pnorm, maskSamples: 3),
            Scene(network: .mlp(), sigmoid: .normal, pnorm: pnorm, maskSamples: 2, threads: 3),
        ]
    }

    private static let tmsShapes = [
        Scene(network: .tms(layers: 3), threads: 2),
        Scene(network: .tms(tied: true)),
        Scene(network: .tms(layers: 1, tied: true), pnorm: 2, maskSamples: 2),
        Scene(network: .tms(hidden: 5), gateNeurons: 0),
        Scene(network: .tms(layers: 1), outputLoss: .kl, subcomponents: 1),
        Scene(network: .tms(tied: true), subcomponents: 1, threads: 2),
    ]

    private static let mlpShapes =
        [Activation.relu, .gelu].flatMap { activation in
            [(1, false, false), (1, true, true), (2, false, true), (2, true, false), (3, true, true)].map {
                layers, inBias, outBias in
                Scene(
                    network: .mlp(layers: layers, activation, inBias: inBias, outBias: outBias),
                    subcomponents: 2, threads: layers)
            }
        } + [
            Scene(network: .mlp(layers: 3, .relu), subcomponents: 2),
            Scene(network: .mlp(layers: 2, .relu), outputLoss: .kl, subcomponents: 1, threads: 2),
            Scene(network: .mlp(layers: 2, .gelu, outBias: true), outputLoss: .kl, subcomponents: 2),
        ]

    private static let patterns = [
        Scene(network: .tms(layers: 1), patterns: ["linear2"]),
        Scene(network: .tms(layers: 2), patterns: ["hidden_layers.1"]),
        Scene(network: .tms(layers: 2), patterns: ["linear?", "hidden_layers.0"]),
        Scene(network: .tms(layers: 1, tied: true), patterns: ["linear1"]),
        Scene(network: .tms(tied: true), patterns: ["linear2"]),
        Scene(network: .mlp(layers: 2, .gelu, outBias: true), patterns: ["layers.*.mlp_in"]),
        Scene(network: .mlp(layers: 2, .relu, outBias: true), patterns: ["layers.*.mlp_out"]),
        Scene(network: .mlp(layers: 3, .gelu), patterns: ["layers.1.mlp_in", "layers.1.mlp_out"]),
        Scene(network: .mlp(layers: 3, .gelu, inBias: true, outBias: true), patterns: ["layers.[02].mlp_in"]),
        Scene(network: .mlp(layers: 3, .gelu, outBias: true), patterns: ["layers.0.mlp_out", "*.2.mlp_in"]),
        Scene(network: .mlp(layers: 3, .relu), patterns: ["layers.0.mlp_in", "layers.1.mlp_out"]),
        Scene(network: .mlp(layers: 2, .relu), patterns: ["layers.1.mlp_out"]),
    ]

    private static let batches =
        [Rows.allEmpty(4), .noneEmpty(4), .noneEmpty(1), .allEmpty(1)].flatMap { rows in
            [
                Scene(network: .tms(), rows: rows, threads: 2),
                Scene(network: .mlp(), rows: rows, threads: 3),
                Scene(network: .mlp(.gelu, inBias: true, outBias: true), rows: rows),
            ]
        }

    /// Toy models have no embeddings.
    fileprivate static let toyLosses = LossTerm.allCases.filter { $0 != .embeddingRecon }

    private static let lossesAlone =
        toyLosses.map { term in
            Scene(network: .tms(layers: 1, tied: true), pnorm: 2, maskSamples: 2, coefficients: only(term))
        }
        + toyLosses.map { term in
            Scene(
                network: .mlp(layers: 2, .gelu, outBias: true), pnorm: 0.9, coefficients: only(term),
                subcomponents: 2)
        } + [
            Scene(network: .mlp(), coefficients: only(.recon, 0)),
            Scene(network: .mlp(), coefficients: only(.schatten, 0)),
            Scene(network: .tms(), coefficients: only(.faithfulness, 0)),
            Scene(network: .tms(), coefficients: only(.stochasticRecon, importance: 0)),
        ]

    /// Large ones, which fill several tiles: losses are compared, and the gradient along one direction.
    static let large = [
        Scene(network: .tms(features: 9, hidden: 4, layers: 1), subcomponents: 10, rows: .someEmpty(400)),
        Scene(network: .tms(features: 9, tied: true), subcomponents: 70, rows: .noneEmpty(140)),
        Scene(
            network: .tms(), outputLoss: .kl, coefficients: only(.stochasticRecon), subcomponents: 260,
            rows: .noneEmpty(70)),
        Scene(
            network: .mlp(features: 10, width: 5, neurons: 7, layers: 2), gateNeurons: 1, subcomponents: 37,
            rows: .someEmpty(50), threads: 3),
        Scene(
            network: .mlp(features: 10, width: 5, neurons: 7, layers: 2, .gelu, inBias: true, outBias: true),
            gateNeurons: 1, coefficients: only(.stochasticReconLayerwise), subcomponents: 5,
            rows: .someEmpty(530), threads: 2),
    ]
}
