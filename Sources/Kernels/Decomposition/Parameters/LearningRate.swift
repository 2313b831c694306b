import Glibc

/// The optimiser's rate as a function of the step: a linear warm-up, then a schedule.
public struct LearningRate: Equatable, Sendable {
    /// The shape of the rate after the warm-up.
    public enum Schedule: Equatable, Sendable {
        case constant
        case linear
        /// A quarter period, from 1 to 0.
        case cosine
        /// A half period, from 1 to 0; how residual MLP targets are trained.
        case raisedCosine
        /// Halves every `halflife` steps.
        case exponential(halflife: Double)
    }

    /// The rate at the top.
    public var peak: Double
    /// What follows the warm-up.
    public var schedule: Schedule
    /// The fraction of all steps that the warm-up takes.
    public var warmupFraction: Double

    /// Creates a rate.
    public init(peak: Double, schedule: Schedule = .constant, warmupFraction: Double = 0) {
        self.peak = peak
        self.schedule = schedule
        self.warmupFraction = warmupFraction
    }

    /// The rate at `step` of `steps`.
    public func rate(at step: Int, of steps: Int) -> Double {
        let warmup = Int(Double(steps) * warmupFraction)
        guard step >= warmup else { return peak * Double(step) / Double(warmup) }
        return peak * factor(at: Double(step - warmup), of: Double(steps - warmup))
    }

    private func factor(at step: Double, of steps: Double) -> Double {
        switch schedule {
        case .constant: 1
        case .linear: 1 - step / max(steps, 1)
        case .cosine: steps == 1 ? 1 : cos(Double.pi / 2 * step / (steps - 1))
        case .raisedCosine: (1 + cos(Double.pi * step / max(steps - 1, 1))) / 2
        case .exponential(let halflife): pow(0.5, step / halflife)
        }
    }
}
