import Foundation
import Jobs
import Store

/// A job's state as people read it.
struct StatusText {
    let snapshot: JobSnapshot
    let outlook: AgentsWatch.Outlook
    let style: Style

    /// The headline: name, counts, time left.
    var headline: String {
        let job = snapshot.job
        var text = "Job \(job.id) (\(job.token), \(job.executor.rawValue)"
        if let number = job.slurmJobID { text += " \(number)" }
        text += "): " + StatusText.counts(snapshot.counts)
        if outlook.reasonOfEnd == nil, let remaining = Forecast(snapshot).remaining {
            text += ", about \(StatusText.time(remaining)) left"
        }
        return text
    }

    /// How far the job is, as a bar: done, running, failed.
    var bar: String {
        let counts = snapshot.counts
        let width = 40
        func cells(_ runs: Int) -> Int { counts.total == 0 ? 0 : (runs * width + counts.total / 2) / counts.total }
        let done = cells(counts[.done])
        let failed = cells(counts[.done] + counts[.failed] + counts[.cancelled]) - done
        let running = min(width, cells(counts.settled + counts[.running])) - done - failed
        func part(_ count: Int, _ cell: String, _ color: Color) -> String {
            style.paint(String(repeating: cell, count: max(0, count)), color)
        }
        let percent = counts.total == 0 ? 0 : 100 * counts.settled / counts.total
        return part(done, "█", .green) + part(failed, "█", .red) + part(running, "▒", .yellow)
            + part(width - done - failed - running, "░", .dim) + " \(percent)%"
    }

    /// The agents, one line each, and what SLURM says of those that wait.
    var agents: [String] {
        let end = outlook.reasonOfEnd.map {
            "No agent works on it any more (\($0)); `orchestrator resume \(snapshot.job.id)` starts some"
        }
        return agentLines + (outlook.notes + [end].compactMap(\.self)).map { style.paint($0, .yellow) }
    }

    private var agentLines: [String] {
        guard !snapshot.agents.isEmpty else {
            let asked = plural(snapshot.job.agentCount, "agent")
            return ["No agent has started yet (\(asked) asked for, \(snapshot.job.submission.rawValue))."]
        }
        var table = TextTable([
            ("AGENT", .left), ("STATE", .left), ("NODE", .left), ("PROCESS", .right), ("RUN", .left),
            ("HEARD", .right), ("", .left),
        ])
        for (agent, verdict) in zip(snapshot.agents, outlook.verdicts) {
            let heard = agent.heartbeat.map { Self.time(snapshot.time - $0) + " ago" } ?? ""
            let color: Color =
                switch verdict {
                case .gone: .red
                case .silent, .working: .yellow
                case .starting, .ended: .dim
                }
            let state = TextTable.Cell(
                verdict == .working ? AgentState.running.rawValue : verdict.word, color)
            table.add([
                .init("\(agent.job).\(agent.number)"), state,
                .init(agent.host ?? ""), .init(agent.pid.map(String.init) ?? ""),
                .init((agent.run?.rawValue ?? "") + (agent.runCount > 1 ? " +\(agent.runCount - 1)" : "")),
                .init(agent.state == .ended ? "" : heard),
                .init(verdict.reason ?? agent.reason ?? "", .dim),
            ])
        }
        return table.lines(style)
    }

    /// The runs, one line each: those that run first when there is room for only some.
    func runs(atMost limit: Int = .max) throws(Failure) -> [String] {
        var shown = snapshot.runs
        if shown.count > limit {
            let order: [RunStatus] = [.running, .failed, .pending, .done, .cancelled]
            shown = order.flatMap { status in shown.filter { $0.status == status } }
            shown = Array(shown.prefix(limit)).sorted { $0.position < $1.position }
        }
        let results = Self.resultKeys(snapshot.runs)
        var settings: [RunID: Overrides] = [:]
        for run in snapshot.runs { settings[run.id] = try Overrides(json: run.overrides) }
        let common = Overrides.common(Array(settings.values))
        var table = TextTable(
            [
                ("RUN", .left), ("EXPERIMENT", .left), ("SETTINGS", .left), ("STATE", .left),
                ("STEP", .right), ("", .right), ("LEFT", .right), ("LOSS", .right),
            ] + results.map { ($0.uppercased(), .right) })
        for run in shown {
            let progress = run.progress
            let percent = progress.steps > 0 ? 100 * progress.step / progress.steps : 0
            table.add(
                [
                    .init(run.id.rawValue), .init(run.experiment),
                    .init(settings[run.id]?.text(without: common) ?? ""),
                    .init(
                        run.status.rawValue + (run.attempt > 1 ? " (attempt \(run.attempt))" : ""),
                        Self.color(run.status)),
                    .init("\(progress.step)/\(progress.steps)"), .init("\(percent)%"),
                    .init(run.remaining.map(Self.time) ?? ""),
                    .init(
                        // Progress stands still a moment before the end; the final metrics are of the end.
                        (run.metrics["loss/total"] ?? progress.losses["loss/total"]).map(Self.number) ?? ""),
                ] + results.map { .init(run.metrics[$0].map { String(format: "%.4f", $0) } ?? "") })
        }
        var lines = table.lines(style)
        if shown.count < snapshot.counts.total {
            lines.append("… and \(snapshot.counts.total - shown.count) more (--runs shows all)")
        }
        return lines
    }

    /// What went wrong, one line for each cause.
    var failures: [String] {
        FailureCause.grouping(snapshot.failures.map { ($0.run, $0.error) }).map { cause in
            let names = cause.runs.prefix(3).map(\.rawValue).joined(separator: ", ")
            let more = cause.runs.count > 3 ? " and \(cause.runs.count - 3) more" : ""
            return style.paint("failed: ", .red) + "\(names)\(more): \(cause.text)"
        }
    }

    /// Where the files are.
    var places: [String] {
        let runs = snapshot.runs.first.map { ($0.folder as NSString).deletingLastPathComponent } ?? ""
        return ["Files of each run: \(runs)/<run>/", "Logs of the agents: \(snapshot.job.folder)/logs/"]
            + snapshot.job.links.map(\.line)
    }

    /// All of it.
    func lines(runsAtMost limit: Int = .max) throws(Failure) -> [String] {
        let head = [style.paint(headline, .bold)] + (style.isColored ? [bar] : [])
        return head + [""] + agents + [""] + (try runs(atMost: limit)) + failures + [""] + places
    }

    /// `3 of 4 done, 1 running`.
    static func counts(_ counts: RunCounts) -> String {
        var parts = ["\(counts[.done]) of \(counts.total) done"]
        for status in [RunStatus.running, .pending, .failed, .cancelled] where counts[status] > 0 {
            parts.append("\(counts[status]) \(status.rawValue)")
        }
        return parts.joined(separator: ", ")
    }

    /// A duration to two places: `8 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
    static func time(_ duration: Duration) -> String {
        let seconds = max(0, Int((duration / .seconds(1)).rounded()))
        func two(_ first: Int, _ a: String, _ second: Int, _ b: String) -> String {
            second == 0 ? "\(first) \(a)" : "\(first) \(a) \(second) \(b)"
        }
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return two(seconds / 60, "min", seconds % 60, "s")
        case ..<86400: return two(seconds / 3600, "h", seconds % 3600 / 60, "min")
        default: return two(seconds / 86400, "d", seconds % 86400 / 3600, "h")
        }
    }

    /// A loss to four digits.
    static func number(_ value: Double) -> String { String(format: "%.3e", value) }

    /// The final metrics that say how good a decomposition is, as far as any run has them.
    private static func resultKeys(_ runs: [Run]) -> [String] {
        Set(runs.flatMap(\.metrics.keys)).filter {
            let name = $0.lowercased()
            return name.contains("mmcs") || name.contains("ml2r")
        }.sorted()
    }

    private static func color(_ status: RunStatus) -> Color? {
        switch status {
        case .pending: .dim
        case .running: .yellow
        case .done: .green
        case .failed: .red
        case .cancelled: .dim
        }
    }
}
