import Metrics

/// Measures how fast a run goes, and decides how often to say so.
///
/// What figures take is kept apart from what steps take: they come seldom, and a rate that has them in it would be wrong
/// until the next ones. Nor is the time mistaken for the steps' in which SLURM, or somebody's ^Z, had the process stand
/// still: a speed far from the one before is believed once the next one confirms it. The reported speed is the one at
/// which all that is left will go, figures and all.
struct RunPace {
    private let steps: Int
    /// How many sets of figures are to come after this many steps.
    private let figuresLeft: @Sendable (Int) -> Int
    private var losses: [String: Double] = [:]
    /// Seconds per step, without figures; nil until a step has been timed that was not the first.
    private var secondsPerStep: Double?
    /// Whether the last time per step was so far from those before it that it was left out.
    private var isDoubtful = false
    /// What each set of figures took.
    private var figures: [Double] = []
    /// The contents of the set in progress.
    private var unfinishedFigures = 0.0
    private var lastStep: Int
    private var lastTime: ContinuousClock.Instant
    /// The part of the time since `lastTime` that went into figures.
    private var drawing = 0.0
    private var lastReport: ContinuousClock.Instant
    private let firstStep: Int
    private static let interval = Duration.milliseconds(500)
    /// This many times as long or as short is far from what was before.
    private static let far = 4.0

    init(
        step: Int, steps: Int, figuresLeft: @escaping @Sendable (Int) -> Int = { _ in 0 },
        now: ContinuousClock.Instant = .now
    ) {
        self.steps = steps
        self.figuresLeft = figuresLeft
        firstStep = step
        lastStep = step
        (lastTime, lastReport) = (now, now)
    }

    /// Records a set of figures, or of a part of its making.
    mutating func drew(for time: Duration, isWhole: Bool) {
        let seconds = time / .seconds(1)
        drawing += seconds
        unfinishedFigures += seconds
        guard isWhole else { return }
        figures.append(unfinishedFigures)
        unfinishedFigures = 0
    }

    /// The progress after `step` steps, if it is time to report again.
    mutating func tick(step: Int, now: ContinuousClock.Instant = .now) -> RunProgress? {
        if step == firstStep + 1 {
            // The first step also touches memory for the first time and starts threads: it says nothing about the next.
            (lastStep, lastTime, drawing) = (step, now, 0)
        }
        guard now - lastReport >= Self.interval else { return nil }
        lastReport = now
        if step > lastStep {
            let latest = max(0, (now - lastTime) / .seconds(1) - drawing) / Double(step - lastStep)
            take(latest)
            (lastStep, lastTime, drawing) = (step, now, 0)
        }
        return RunProgress(step: step, steps: steps, stepsPerSecond: speed(after: step), losses: losses)
    }

    /// Records the losses of a logged step.
    mutating func logged(_ row: MetricsRow) {
        for (name, value) in row.values where Metric.named(name)?.isLoss == true { losses[name] = value }
    }

    private mutating func take(_ latest: Double) {
        guard let usual = secondsPerStep else {
            secondsPerStep = latest
            return
        }
        if latest < usual * Self.far, latest * Self.far > usual {
            (secondsPerStep, isDoubtful) = (0.7 * usual + 0.3 * latest, false)
        } else if isDoubtful {
            (secondsPerStep, isDoubtful) = (latest, false)
        } else {
            isDoubtful = true
        }
    }

    private func speed(after step: Int) -> Double? {
        guard let secondsPerStep, step < steps else { return nil }
        // The middle one, because one of them may have been made while the process was suspended.
        let each = figures.isEmpty ? 0 : figures.sorted()[(figures.count - 1) / 2]
        let left = secondsPerStep * Double(steps - step) + each * Double(figuresLeft(step))
        return left > 0 ? Double(steps - step) / left : nil
    }
}
