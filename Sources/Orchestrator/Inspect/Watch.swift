import ArgumentParser
import Foundation
import Glibc
import Jobs
import Orchestration
import Slurm
import Store

/// Shows a job until it is finished: in place on a terminal, line by line elsewhere.
struct Watch {
    let job: JobID
    let store: Store
    let cache: CacheFolder
    let slurm: SlurmCommands
    /// Whether ^C is meant for the job's local agents, which this command has started, and not for the watching.
    let stopsAgents: Bool

    private static let pause = Duration.milliseconds(100)
    private static let picturePause = Duration.seconds(1)
    private static let linePause = Duration.seconds(10)
    /// More than anybody scrolls through.
    private static let runsInView = 2000

    /// Returns when every run is done or was stopped early, and throws an exit code when not all can be.
    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let style = TerminalStyle.forStandardOutput(environment: environment)
        var view: any WatchView
        if let screen = ScreenView(style: style, environment: environment) {
            view = screen
        } else if Terminal.isStandardOutput {
            view = RedrawnView(style: style)
        } else {
            view = ProgressLines(pause: Self.linePause)
        }
        // Whatever ends the watching, the terminal is as it was.
        defer { view.clear() }
        // However fast the second ^C follows, the agents must know of the first.
        if stopsAgents { Interruption.listen(for: 2) }
        let agents = AgentsWatch(cache: cache, slurm: slurm, store: store)
        var wasEnded = false
        while true {
            let (snapshot, outlook) = try await failing {
                try await agents.look(at: job, runsAtMost: Self.runsInView)
            }
            // The view may have been left while the job was looked at.
            guard try view.goesOn() else { return try left(snapshot, &view) }
            let text = StatusText(snapshot: snapshot, outlook: outlook, style: style)
            if snapshot.counts.settled == snapshot.counts.total {
                view.clear()
                print(try text.lines().joined(separator: "\n"))
                if let code = snapshot.counts.exitCode { throw code }
                return
            }
            try view.show(text)
            // The agents may have finished the work after the snapshot: only a second look is conclusive.
            if let reason = outlook.reasonOfEnd, wasEnded {
                view.clear()
                throw Failure.failed(
                    "\(StatusText.counts(snapshot.counts)), but no agent works on job \(job) any more: "
                        + "\(reason); see \(snapshot.job.folder.logs)/")
            }
            wasEnded = outlook.reasonOfEnd != nil
            guard try await sleep(snapshot.job, &view) else { return try left(snapshot, &view) }
        }
    }

    /// The user has pressed `q`: the job continues in any case.
    private func left(_ snapshot: JobSnapshot, _ view: inout any WatchView) throws {
        view.clear()
        print(
            "Stopped watching; the agents of job \(job) go on. `orchestrator status \(job) --watch` shows them again.")
        if let code = snapshot.counts.exitCode { throw code }
    }

    /// Waits for the next picture; false if somebody wants to leave.
    private func sleep(_ watched: Job, _ view: inout any WatchView) async throws -> Bool {
        let end = ContinuousClock.now + Self.picturePause
        while ContinuousClock.now < end {
            guard !Interruption.isRequested else {
                view.clear()
                if stopsAgents, watched.executor == .local {
                    try await failing { try await LocalStop(job: watched, store: store).perform() }
                    throw ExitCode(130)
                }
                print(
                    """

                    Stopped watching; the agents of job \(job) go on. \
                    `orchestrator status \(job) --watch` shows them again.
                    """)
                throw ExitCode(130)
            }
            guard try view.goesOn() else { return false }
            try await Task.sleep(for: Self.pause)
        }
        return true
    }
}

/// How the state of a job is shown again and again.
protocol WatchView {
    /// Shows the present state.
    mutating func show(_ text: StatusText) throws(Failure)
    /// Acts on the keys pressed since, if keys can be read; false if the user wants to quit.
    mutating func goesOn() throws(Failure) -> Bool
    /// Makes room for the last word.
    mutating func clear()
}

extension WatchView {
    func goesOn() throws(Failure) -> Bool { true }
}

/// The job's state drawn over the one before.
struct RedrawnView: WatchView {
    let style: TerminalStyle
    private var height = 0

    init(style: TerminalStyle) { self.style = style }

    mutating func show(_ text: StatusText) throws(Failure) {
        let room = Terminal.size
        // What scrolls out of the window can't be drawn over: agents and frame go first, runs get the rest.
        let agents = Array(text.agents.prefix(max(2, room.rows / 3)))
        let rest = room.rows - agents.count - 7
        var lines = [style.paint(text.headline(in: room.columns), .bold), text.bar, ""] + agents + [""]
        lines += try text.runs(atMost: max(1, rest), .cut(room.columns))
        clear()
        for line in lines.prefix(room.rows - 1) { print(Terminal.cut(line, to: room.columns)) }
        fflush(nil)
        height = min(lines.count, room.rows - 1)
    }

    mutating func clear() {
        if height > 0 { print("\u{1B}[\(height)A\u{1B}[J", terminator: "") }
        height = 0
    }
}

/// A line whenever a run changes its state, and now and then in between.
struct ProgressLines: WatchView {
    let pause: Duration
    private var shown: (counts: RunCounts, note: String?, time: ContinuousClock.Instant)?

    init(pause: Duration) { self.pause = pause }

    mutating func show(_ text: StatusText) {
        let note = text.outlook.notes.isEmpty ? nil : text.outlook.notes.joined(separator: "; ")
        let now = ContinuousClock.now
        if let shown, shown.counts == text.snapshot.counts, shown.note == note, now - shown.time < pause {
            return
        }
        shown = (text.snapshot.counts, note, now)
        var line = text.headline
        for run in text.snapshot.runs.filter({ $0.status == .running }).prefix(8) {
            line += "; \(run.id) \(run.progress.step)/\(run.progress.steps)"
        }
        print(line + (note.map { "; " + $0 } ?? ""))
        fflush(nil)
    }

    mutating func clear() {}
}
