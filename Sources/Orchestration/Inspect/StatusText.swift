import Artifacts
import Foundation
import Jobs
import Metrics
package import Store

/// A job's state as people read it.
package struct StatusText {
    package let snapshot: JobSnapshot
    package let outlook: AgentsWatch.Outlook
    package let style: TerminalStyle

    package init(snapshot: JobSnapshot, outlook: AgentsWatch.Outlook, style: TerminalStyle) {
        self.snapshot = snapshot
        self.outlook = outlook
        self.style = style
    }

    /// The headline: name, counts, time left.
    package var headline: String {
        let job = snapshot.job
        let number = job.slurmJobID.map { " \($0)" } ?? ""
        return "Job \(job.id) (\(job.title ?? job.token), \(job.executor.rawValue)\(number)): " + progress
    }

    /// The headline in this much room: the name goes first, then all counts but those that are done; the time left
    /// stays.
    package func headline(in columns: Int) -> String {
        let (job, counts) = (snapshot.job.id, snapshot.counts)
        let left = timeLeft.map { ", \($0) left" } ?? ""
        let choices = [
            headline, "Job \(job): \(progress)", "Job \(job): \(counts[.done])/\(counts.total) done\(left)",
            "\(counts[.done])/\(counts.total)\(left)",
        ]
        return choices.first { $0.count <= columns } ?? choices[3]
    }

    private var progress: String {
        StatusText.counts(snapshot.counts) + (timeLeft.map { ", about \($0) left" } ?? "")
    }

    private var timeLeft: String? { outlook.isAtWork ? Forecast(snapshot).remaining.map(StatusText.time) : nil }

    /// How far the job is, as a bar: done, running, failed.
    package var bar: String {
        let counts = snapshot.counts
        let width = 40
        func cells(_ runs: Int) -> Int { counts.total == 0 ? 0 : (runs * width + counts.total / 2) / counts.total }
        let done = cells(counts[.done])
        let failed = cells(counts.settled) - done
        let running = min(width, cells(counts.settled + counts[.running])) - done - failed
        func part(_ count: Int, _ cell: String, _ color: TextColor) -> String {
            style.paint(String(repeating: cell, count: max(0, count)), color)
        }
        let percent = counts.total == 0 ? 0 : 100 * counts.settled / counts.total
        return part(done, "█", .green) + part(failed, "█", .red) + part(running, "▒", .yellow)
            + part(width - done - failed - running, "░", .dim) + " \(percent)%"
    }

    /// The agents, one line each, and what SLURM says about those that wait.
    package var agents: [String] {
        // Starting the same again would wait in vain.
        let isVain =
            !outlook.endings.isEmpty
            && outlook.endings.allSatisfy { $0.willRecur(hasSpoken: snapshot.spoken.contains($0.number)) }
        let end = outlook.reasonOfEnd.map {
            "No agent works on it any more (\($0)); `orchestrator resume \(snapshot.job.id)"
                + (isVain ? " …` starts some with other options (--mem, --exclude, …)" : "` starts some")
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
        let all = Array(zip(snapshot.agents, outlook.verdicts))
        let isShort = all.count <= Self.agentsInFull
        for (agent, verdict) in all where isShort || verdict != .ended {
            let heard = agent.heartbeat.map { Self.time(snapshot.time - $0) + " ago" } ?? ""
            let color: TextColor =
                switch verdict {
                case .gone: .red
                case .suspended, .silent, .working: .yellow
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
        let ended = isShort ? [] : all.filter { $0.1 == .ended }.map(\.0)
        return (ended.count < all.count ? table.lines(style) : []) + endedLines(ended)
    }

    /// More agents than this are listed only while they are not over.
    private static let agentsInFull = 8

    /// How many agents have ended, by cause.
    private func endedLines(_ agents: [Agent]) -> [String] {
        guard !agents.isEmpty else { return [] }
        let reasons = Dictionary(grouping: agents) { $0.reason ?? "" }.mapValues(\.count)
            .sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        let words = reasons.prefix(3).map { $0.key.isEmpty ? "\($0.value)" : "\($0.value): \($0.key)" }
        let rest = reasons.count > 3 ? "; …" : ""
        return [style.paint("\(plural(agents.count, "agent")) ended (\(words.joined(separator: "; "))\(rest))", .dim)]
    }

    /// The runs, one line each: those that run first when there is room for only some.
    package func runs(
        atMost limit: Int = .max, _ room: RunsTable.Room = .unlimited, _ selection: RunSelection? = nil
    ) throws(Failure) -> [String] {
        if let groups = try selection?.groups(measuring: results.map(\.name)) { return groups.lines(style) }
        if let selection, selection.runs.isEmpty { return ["--where selects no runs."] }
        if let selection, selection.columnNames != nil {
            return selection.lines(style, after: [("RUN", { selection.runs[$0].id.rawValue })])
        }
        var shown = selection?.runs ?? snapshot.runs
        if shown.count > limit {
            let order: [RunStatus] = [.running, .failed, .pending, .done, .stopped, .cancelled]
            shown = order.flatMap { status in shown.filter { $0.status == status } }
            shown = Array(shown.prefix(limit)).sorted { $0.position < $1.position }
        }
        var lines = try table(of: shown).lines(room, style)
        if selection == nil, shown.count < snapshot.counts.total {
            let command = "orchestrator status \(snapshot.job.id) --runs"
            lines.append("… and \(snapshot.counts.total - shown.count) more (`\(command)` shows all)")
        }
        return lines
    }

    /// Runs in an order of the caller's, one line each below the columns' names.
    package func runs(sorted: [Run], _ room: RunsTable.Room) throws(Failure) -> [String] {
        try table(of: sorted).lines(room, style)
    }

    private func table(of shown: [Run]) throws(Failure) -> RunsTable {
        let all = snapshot.runs
        let overrides = try AllCores.map(all.indices) { (range) throws(Failure) in
            try all[range].map { (run) throws(Failure) in try Overrides(json: run.overrides) }
        }
        let settings = Dictionary(uniqueKeysWithValues: zip(all.lazy.map(\.id), overrides))
        return RunsTable(
            shown, settings: settings, common: Overrides.common(overrides),
            results: results.filter { $0 != .totalLoss }, atRest: outlook.agentsAtRest(of: snapshot))
    }

    /// What went wrong, one line for each cause.
    package var failures: [String] {
        FailureCause.grouping(snapshot.failures.map { ($0.run, $0.error) }).map { cause in
            let names = cause.runs.prefix(3).map(\.rawValue).joined(separator: ", ")
            let more = cause.runs.count > 3 ? " and \(cause.runs.count - 3) more" : ""
            return style.paint("failed: ", .red) + "\(names)\(more): \(cause.text)"
        }
    }

    /// Where the files are.
    package var places: [String] {
        let runs = snapshot.runs.first.map { ($0.folder.path as NSString).deletingLastPathComponent } ?? ""
        return ["Files of each run: \(runs)/<run>/", "Logs of the agents: \(snapshot.job.folder.logs)/"]
            + snapshot.job.links.map(\.line) + unsent
    }

    /// Data that W&B does not have yet.
    private var unsent: [String] {
        guard snapshot.unsent > 0 else { return [] }
        let runs = "\(plural(snapshot.unsent, "run")) not on W&B yet"
        return [
            style.paint(
                "\(runs): `orchestrator sync \(snapshot.job.id)` sends \(snapshot.unsent == 1 ? "it" : "them")", .yellow
            )
        ]
    }

    /// All of it.
    ///
    /// - Parameters:
    ///   - limit: How many runs at most.
    ///   - selection: The runs that are wanted, if not all are.
    /// - Returns: The lines.
    /// - Throws: ``Failure`` for settings that can't be read, and for groups of what has no numbers.
    package func lines(runsAtMost limit: Int = .max, _ selection: RunSelection? = nil) throws(Failure) -> [String] {
        let room: RunsTable.Room = Terminal.isStandardOutput ? .wrapping(Terminal.size.columns) : .unlimited
        let head = [style.paint(headline, .bold)] + (style.isColored ? [bar] : [])
        let marks =
            [snapshot.job.note.map { "Note: \($0)" }].compactMap(\.self)
            + (snapshot.job.tags.isEmpty ? [] : ["Tags: " + snapshot.job.tags.joined(separator: " ")])
        return head + marks + [""] + agents + [""] + (try runs(atMost: limit, room, selection)) + failures + [""]
            + places
    }

    /// `3 of 4 done, 1 running`.
    package static func counts(_ counts: RunCounts) -> String {
        var parts = ["\(counts[.done]) of \(counts.total) done"]
        for status in [RunStatus.running, .pending, .failed, .stopped, .cancelled] where counts[status] > 0 {
            parts.append("\(counts[status]) \(status.rawValue)")
        }
        return parts.joined(separator: ", ")
    }

    /// A duration to two places: `8 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
    package static func time(_ duration: Duration) -> String { TimeSpan.words(duration) }

    /// Whether numbers of this name are shown, without ``RunSelection``.
    package static func shows(_ name: String) -> Bool { headlines.contains(name) || isUsers(name) }

    private static let headlines = Set(Metric.headlines.map(\.name)).union([Metric.totalLoss.name])

    private static func isUsers(_ name: String) -> Bool { name.utf8.starts(with: Metric.userPrefix.utf8) }

    /// The final metrics that say how good a decomposition is, as far as any run has them.
    private var results: [Metric] {
        // A few of the user's own have room; `best`, `show` and `export` show all of them.
        var known: Set<String> = []
        var last: [String] = []
        for run in snapshot.runs where run.metrics.names != last {
            last = run.metrics.names
            known.formUnion(last)
        }
        let own = known.filter(Self.isUsers)
        return Metric.headlines.filter { known.contains($0.name) }.sorted { $0.name < $1.name }
            + own.sorted().prefix(4).compactMap(Metric.named)
    }
}
