/// Receives the progress of a target's training: the step, how many there are, and the loss; false ends it.
typealias TargetProgress = (_ step: Int, _ steps: Int, _ loss: Double) -> Bool

/// Measures how fast a target is trained, and decides how often to say so.
struct TargetPace {
    private var pace: RunPace?

    /// The progress after step `step`, from 0, if it is time to report again.
    mutating func tick(step: Int, of steps: Int, loss: Double) -> RunProgress? {
        var current = pace ?? RunPace(step: step, steps: steps)
        defer { pace = current }
        guard let progress = current.tick(step: step + 1) else { return nil }
        return RunProgress(
            step: progress.step, steps: steps, stepsPerSecond: progress.stepsPerSecond, losses: ["loss": loss])
    }
}
