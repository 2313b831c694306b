import Experiments
import Store

extension Estimate {
    /// What `submit --dry-run` prints of it, for people.
    package func lines(_ style: TerminalStyle) -> [String] {
        var table = TextTable([
            ("EXPERIMENT", .left), ("SPECS", .right), ("STEPS", .right), ("TIME EACH", .right), ("IN ALL", .right),
            ("DISK", .right), ("MEMORY EACH", .right), ("TIMES FROM", .left),
        ])
        for item in items {
            let isTimed = !item.seconds.isEmpty
            let steps = Self.range(String(item.steps.lowerBound), String(item.steps.upperBound))
            let each = Self.range(Self.time(item.seconds.min() ?? 0), Self.time(item.seconds.max() ?? 0))
            table.add([
                .init(item.part.experiment), .init(String(item.part.range.count)), .init(steps),
                .init(isTimed ? each : ""), .init(isTimed ? Self.time(item.seconds.reduce(0, +)) : ""),
                .init(item.disk.map(RunDetails.size) ?? ""),
                .init((item.memory?.largest).map(RunDetails.size) ?? "", item.memory?.tooLarge ?? 0 > 0 ? .red : nil),
                .init(item.times.origin),
            ])
        }
        var lines = table.lines(style)
        for item in items where !item.part.example.overrides.isEmpty {
            lines.append("First spec of \(item.part.experiment): \(Overrides(item.part.example.overrides).text())")
        }
        let agents =
            "\(plural(parallelism.agents, "agent"))" + (parallelism.slots > 1 ? " of \(parallelism.slots) runs" : "")
        if let coreHours, let wallClock {
            lines.append(
                "About \(Self.hours(coreHours)) core-hours: \(Self.time(wallClock)) with \(agents), "
                    + "\(plural(parallelism.threads, "thread")) per run.")
        } else {
            lines.append("The total time is unknown: see the last column.")
        }
        lines.append(
            disk.map {
                "About \(RunDetails.size($0)) in \(files) files, and up to \(RunDetails.size(checkpoints)) of saved "
                    + "states while it runs."
            }
                ?? "About \(files) files; their size is unknown: it depends on the target's training config."
        )
        return lines + warnings.map { style.paint($0, .yellow) }
    }

    /// Expected problems with the request.
    package var warnings: [String] {
        items.compactMap { $0.memory?.warning(of: $0.part.experiment, room) } + slotShortage + shortages
    }

    /// Runs that share an agent's memory wait for each other where it is not enough for all of them.
    private var slotShortage: [String] {
        guard let room, parallelism.slots > 1 else { return [] }
        let largest = items.compactMap(\.memory?.largest).filter { $0 <= room.perRun }.max() ?? 0
        let slots = min(parallelism.slots, items.reduce(0) { $0 + $1.part.range.count })
        let (together, overflows) = largest.multipliedReportingOverflow(by: slots)
        guard slots > 1, overflows || together > room.perRun else { return [] }
        return [
            "\(slots) runs at once may need \(RunDetails.size(together)), \(room.owner) is "
                + "\(RunDetails.size(room.perRun)): runs will wait for each other's memory"
        ]
    }

    private static func range(_ low: String, _ high: String) -> String { low == high ? low : "\(low) to \(high)" }

    private static func time(_ seconds: Double) -> String {
        seconds < 1 ? "under 1 s" : StatusText.time(.seconds(seconds))
    }

    /// Two significant digits.
    private static func hours(_ hours: Double) -> String {
        if hours >= 10 { return String(Int(hours.rounded())) }
        let scale = hours >= 1 ? 10.0 : hours >= 0.1 ? 100.0 : 1000.0
        return "\((hours * scale).rounded(.up) / scale)"
    }

    /// The estimate as `submit --dry-run --json` prints it: keys are only ever added, times are seconds, sizes bytes, and
    /// what is not known is left out.
    package struct Report: Encodable {
        package struct Item: Encodable {
            package let experiment: String
            package let specs: Int
            package let duplicates: Int
            package let example: [String: String]
            package let stepsMin, stepsMax: Int
            package let secondsPerSpecMin, secondsPerSpecMax: Double?
            package let seconds: Double?
            /// Where the times come from.
            package let timesFrom: Origin
            package let diskBytes: Int?
            package let files: Int
            package let memoryBytes: Int?
            /// How many specs need more memory than there is.
            package let tooLarge: Int?
        }
        package struct Origin: Encodable {
            package let finishedRuns: Int
            package let sizesTimed: Int
            package let sizesScaled: Int
            package let notKnown: String?
        }
        package let experiments: [Item]
        package let slots: Int
        package let threads: Int
        package let coreHours: Double?
        package let wallClockSeconds: Double?
        package let diskBytes: Int?
        package let checkpointBytes: Int
        package let files: Int
        /// The memory that there is for a run.
        package let memoryLimitBytes: Int?
        package let warnings: [String]
    }

    package var report: Report {
        Report(
            experiments: items.map { item in
                Report.Item(
                    experiment: item.part.experiment, specs: item.part.range.count, duplicates: item.part.duplicates,
                    example: Overrides(item.part.example.overrides).values, stepsMin: item.steps.lowerBound,
                    stepsMax: item.steps.upperBound, secondsPerSpecMin: item.seconds.min(),
                    secondsPerSpecMax: item.seconds.max(),
                    seconds: item.seconds.isEmpty ? nil : item.seconds.reduce(0, +),
                    timesFrom: .init(
                        finishedRuns: item.times.finished.runs, sizesTimed: item.times.timed,
                        sizesScaled: item.times.scaled, notKnown: item.times.missing > 0 ? item.times.obstacle : nil),
                    diskBytes: item.disk, files: item.files, memoryBytes: item.memory?.largest,
                    tooLarge: room == nil ? nil : item.memory?.tooLarge)
            }, slots: parallelism.slots, threads: parallelism.threads, coreHours: coreHours,
            wallClockSeconds: wallClock, diskBytes: disk, checkpointBytes: checkpoints, files: files,
            memoryLimitBytes: room?.perRun, warnings: warnings)
    }
}
