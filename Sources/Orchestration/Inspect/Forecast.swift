package import Store

/// How long a job will still take, estimated from its runs' speeds.
package struct Forecast {
    /// `nil` while no speed is known, or when nothing is left.
    package let remaining: Duration?

    package init(_ snapshot: JobSnapshot) {
        let work = snapshot.work
        let paces = Self.secondsPerStep(work)
        let typical = paces.isEmpty ? nil : paces.values.reduce(0, +) / Double(paces.count)
        var total = 0.0
        var longest = 0.0
        for run in work.running {
            guard let perStep = run.secondsPerStep ?? paces[run.experiment] ?? typical else {
                remaining = nil
                return
            }
            let seconds = Double(max(0, run.progress.steps - run.progress.step)) * perStep
            total += seconds
            longest = max(longest, seconds)
        }
        for (name, experiment) in work.experiments where experiment.waitingSteps > 0 {
            guard let perStep = paces[name] ?? typical else {
                remaining = nil
                return
            }
            total += Double(experiment.waitingSteps) * perStep
            longest = max(longest, Double(experiment.longestWait) * perStep)
        }
        let isOpen = snapshot.counts.settled < snapshot.counts.total
        remaining = isOpen ? .seconds(max(longest, total / Double(max(1, work.running.count)))) : nil
    }

    /// The mean time of a step by experiment, from what has run and what runs.
    private static func secondsPerStep(_ work: Work) -> [String: Double] {
        var sums: [String: (seconds: Double, runs: Double)] = [:]
        for (name, experiment) in work.experiments {
            guard let pace = experiment.secondsPerStep else { continue }
            sums[name] = (pace * Double(experiment.done), Double(experiment.done))
        }
        for run in work.running {
            guard let pace = run.secondsPerStep else { continue }
            sums[run.experiment, default: (0, 0)].seconds += pace
            sums[run.experiment, default: (0, 0)].runs += 1
        }
        return sums.mapValues { $0.seconds / $0.runs }
    }
}

extension Work.Running {
    /// The present time of a step, if it is known.
    fileprivate var secondsPerStep: Double? {
        progress.stepsPerSecond.flatMap { $0 > 0 ? 1 / $0 : nil }
    }
}

extension Run {
    /// How long a running run will take from now at its present speed.
    package var remaining: Duration? {
        guard status == .running, let speed = progress.stepsPerSecond, speed > 0 else { return nil }
        return .seconds(Double(max(0, progress.steps - progress.step)) / speed)
    }
}
