internal import CKernels
public import Metrics

/// How a gate's output becomes a causal importance; the published `sigmoid_type`.
public enum Sigmoid: String, Sendable, CaseIterable {
    case normal
    case hard
    case leakyHard = "leaky_hard"
    case upperLeakyHard = "upper_leaky_hard"
    case swishHard = "swish_hard"

    var code: Int32 {
        switch self {
        case .normal: Int32(CK_NORMAL)
        case .hard: Int32(CK_HARD)
        case .leakyHard: Int32(CK_LEAKY_HARD)
        case .upperLeakyHard: Int32(CK_UPPER_LEAKY_HARD)
        case .swishHard: Int32(CK_SWISH_HARD)
        }
    }
}

/// The distance D between a masked model's output and the target's; the published `output_loss_type`.
public enum OutputLoss: String, Sendable {
    /// Mean squared error over all elements.
    case mse
    /// `sum p log(p/q)` over the last axis, mean over the rest, p from the target's output.
    case kl
}

/// The weight of each loss in the total.
///
/// A loss without a weight is skipped; one of weight zero is computed and logged, but not trained on.
public struct LossCoefficients: Equatable, Sendable {
    private var values: [LossTerm: Float] = [:]

    /// Creates coefficients with the importance loss only.
    public init(importanceMinimality: Float) {
        values[.importanceMinimality] = importanceMinimality
    }

    /// The coefficient of a loss; nil skips it.
    public subscript(term: LossTerm) -> Float? {
        get { values[term] }
        set { values[term] = newValue }
    }

    /// The sum of coefficient times loss.
    func total(of losses: [LossTerm: Double]) -> Double {
        // In a fixed order: a dictionary's differs from run to run, and with it the last bit of the sum.
        LossTerm.allCases.reduce(0) { $0 + Double(self[$1] ?? 0) * (losses[$1] ?? 0) }
    }
}

/// What a decomposition computes, apart from the target and its data: the published config's keys in the kernels'
/// terms.
public struct DecompositionSettings: Equatable, Sendable {
    /// C, the number of subcomponents per module.
    public var subcomponents: Int
    /// How many masks are drawn for each stochastic loss.
    public var maskSamples: Int
    /// N, the neurons of each gate; 0 makes a gate linear.
    public var gateNeurons: Int
    /// The gates' last step.
    public var sigmoid: Sigmoid
    /// Which modules are decomposed: fnmatch patterns over their names.
    public var modulePatterns: [String]
    /// The losses and their weights.
    public var coefficients: LossCoefficients
    /// The exponent of the importance and schatten losses.
    public var pnorm: Float
    /// The distance of outputs.
    public var outputLoss: OutputLoss
    /// How many optimiser steps are taken.
    public var steps: Int
    /// Rows per step.
    public var batchSize: Int
    /// The optimiser's rate at each step.
    public var learningRate: LearningRate
    /// Chooses the initial subcomponents, the batches and the masks.
    public var seed: Int
    /// Whether a decomposed embedding on its own is judged behind the model's head.
    public var judgesEmbeddingsUnembedded = false
    /// Whether gates are interpolated where that is cheaper; the exact path is for comparison.
    public var interpolatesGates = true

    /// Creates settings.
    public init(
        subcomponents: Int, maskSamples: Int, gateNeurons: Int, sigmoid: Sigmoid, modulePatterns: [String],
        coefficients: LossCoefficients, pnorm: Float, outputLoss: OutputLoss, steps: Int, batchSize: Int,
        learningRate: LearningRate, seed: Int
    ) {
        self.subcomponents = subcomponents
        self.maskSamples = maskSamples
        self.gateNeurons = gateNeurons
        self.sigmoid = sigmoid
        self.modulePatterns = modulePatterns
        self.coefficients = coefficients
        self.pnorm = pnorm
        self.outputLoss = outputLoss
        self.steps = steps
        self.batchSize = batchSize
        self.learningRate = learningRate
        self.seed = seed
    }
}
