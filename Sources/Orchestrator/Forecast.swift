import Store

/// How long a job will take from now, as far as its runs' speeds tell.
struct Forecast {
    /// `nil` while no speed is known, or when nothing is left.
    let remaining: Duration?

    init(_ snapshot: JobSnapshot) {
        let open = snapshot.runs.filter { !$0.status.isSettled }
        let running = open.filter { $0.status == .running }
        let speeds = Self.secondsPerStep(snapshot.runs)
        let typical = speeds.isEmpty ? nil : speeds.values.reduce(0, +) / Double(speeds.count)
        var total = 0.0
        var longest = 0.0
        for run in open {
            let steps = Double(max(0, run.progress.steps - run.progress.step))
            let seconds: Double
            if let known = run.remaining {
                seconds = known / .seconds(1)
            } else if let perStep = speeds[run.experiment] ?? typical {
                seconds = steps * perStep
            } else {
                remaining = nil
                return
            }
            total += seconds
            longest = max(longest, seconds)
        }
        let hands = max(1, running.count)
        remaining = open.isEmpty ? nil : .seconds(max(longest, total / Double(hands)))
    }

    /// The mean time of a step by experiment, from what has run and what runs.
    private static func secondsPerStep(_ runs: [Run]) -> [String: Double] {
        var sums: [String: (seconds: Double, steps: Double)] = [:]
        for run in runs {
            if let speed = run.progress.stepsPerSecond, speed > 0, run.status == .running {
                sums[run.experiment, default: (0, 0)].seconds += 1 / speed
                sums[run.experiment, default: (0, 0)].steps += 1
            } else if run.status == .done, let started = run.started, let ended = run.ended,
                run.progress.steps > 0
            {
                sums[run.experiment, default: (0, 0)].seconds +=
                    (ended - started) / .seconds(1) / Double(run.progress.steps)
                sums[run.experiment, default: (0, 0)].steps += 1
            }
        }
        return sums.mapValues { $0.seconds / $0.steps }
    }
}

extension Run {
    /// How long a running run will take from now at its present speed.
    var remaining: Duration? {
        guard status == .running, let speed = progress.stepsPerSecond, speed > 0 else { return nil }
        return .seconds(Double(max(0, progress.steps - progress.step)) / speed)
    }
}
