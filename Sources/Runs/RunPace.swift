/// Measures how fast a run goes, and decides how often to say so.
struct RunPace {
    private let steps: Int
    private var losses: [String: Double] = [:]
    private var rate: Double?
    private var lastStep: Int
    private var lastTime = ContinuousClock.now
    private static let interval = Duration.milliseconds(500)

    init(step: Int, steps: Int) {
        self.steps = steps
        lastStep = step
    }

    /// The progress after `step` steps, if it is time to report again.
    mutating func tick(step: Int) -> RunProgress? {
        let now = ContinuousClock.now
        let elapsed = now - lastTime
        guard elapsed >= Self.interval else { return nil }
        let latest = Double(step - lastStep) / (elapsed / .seconds(1))
        rate = rate.map { 0.7 * $0 + 0.3 * latest } ?? latest
        (lastStep, lastTime) = (step, now)
        return progress(step: step)
    }

    /// Takes note of the losses of a logged step.
    mutating func logged(_ row: MetricsRow) {
        for (name, value) in row.values where name.hasPrefix("loss/") { losses[name] = value }
    }

    private func progress(step: Int) -> RunProgress {
        RunProgress(step: step, steps: steps, stepsPerSecond: rate, losses: losses)
    }
}
