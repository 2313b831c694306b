/// The nonlinearity between a gate's output and a causal importance.
public enum SigmoidType: String, CaseIterable, Sendable {
    /// The logistic function.
    case normal
    /// Clamped to 0…1.
    case hard
    /// Clamped, with a small slope outside: the lower leak for masks, the upper one for importance losses.
    case leakyHard = "leaky_hard"
    /// Clamped below, with a small slope above 1.
    case upperLeakyHard = "upper_leaky_hard"
    /// A smooth clamp made of swishes.
    case swishHard = "swish_hard"
}

/// How an output is compared with the target model's.
public enum OutputLossType: String, CaseIterable, Sendable {
    /// The mean squared error over all elements.
    case mse
    /// The Kullback–Leibler divergence from the target's distribution.
    case kl
}

/// How the learning rate changes over a run.
public enum LearningRateSchedule: String, CaseIterable, Sendable {
    /// Falls in a straight line to zero.
    case linear
    /// Stays as it is.
    case constant
    /// Falls along a quarter of a cosine to zero.
    case cosine
    /// Halves every `lr_exponential_halflife` steps.
    case exponential
}

/// Which sets of figures a run draws, where that is not what `image_freq` says.
public enum FigureChoice: String, CaseIterable, Sendable {
    /// One set, after the last step.
    case last
    /// None.
    case none
}

/// Which features are active in a row of generated data.
public enum DataGeneration: String, CaseIterable, Sendable {
    /// Each feature independently, with `feature_probability`.
    case atLeastZeroActive = "at_least_zero_active"
    /// One feature.
    case exactlyOneActive = "exactly_one_active"
    /// Two different features.
    case exactlyTwoActive = "exactly_two_active"
    /// Three different features.
    case exactlyThreeActive = "exactly_three_active"
    /// Four different features.
    case exactlyFourActive = "exactly_four_active"
    /// Five different features.
    case exactlyFiveActive = "exactly_five_active"

    /// How many features are active in every row, or nil if that is left to chance.
    public var activeFeatures: Int? {
        switch self {
        case .atLeastZeroActive: nil
        case .exactlyOneActive: 1
        case .exactlyTwoActive: 2
        case .exactlyThreeActive: 3
        case .exactlyFourActive: 4
        case .exactlyFiveActive: 5
        }
    }
}
