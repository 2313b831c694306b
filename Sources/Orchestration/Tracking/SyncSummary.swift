import Foundation
import JSON
package import WandB

/// What a sync has done, and what it leaves.
package struct SyncSummary {
    private let counts: Counts
    private let problems: [Problem]
    private let rows: Int
    private let requests: Int
    private let took: Duration
    private let isInterrupted: Bool
    /// Why the sync as a whole came to nothing.
    private let reason: String?

    /// Runs by what became of them.
    private struct Counts: Encodable {
        var sent = 0
        var sentBefore = 0
        /// Everything so far is sent, more will come.
        var goingOn = 0
        /// Nothing is kept for W&B yet.
        var notStarted = 0
        /// Nothing will ever be: tracking was disabled.
        var notTracked = 0
        var sentElsewhere = 0
        var left = 0
        var failed = 0
    }

    private struct Problem: Encodable {
        let run: String
        let reason: String
    }

    package init(
        runs: [RelayedRun], progress: RelayProgress, sentBefore: Set<String>, failure: String?, took: Duration,
        isInterrupted: Bool
    ) {
        var counts = Counts()
        var problems: [Problem] = []
        for run in runs {
            switch progress.standings[run.id] ?? .waiting {
            case .sent where sentBefore.contains(run.id): counts.sentBefore += 1
            case .sent: counts.sent += 1
            case .upToDate: counts.goingOn += 1
            case .untracked where run.end == nil: counts.notStarted += 1
            case .untracked: counts.notTracked += 1
            case .elsewhere: counts.sentElsewhere += 1
            case .waiting, .sending: counts.left += 1
            case .troubled(let reason):
                counts.left += 1
                problems.append(Problem(run: run.id, reason: reason))
            case .failed(let reason):
                counts.failed += 1
                problems.append(Problem(run: run.id, reason: reason))
            }
        }
        self.counts = counts
        self.problems = problems
        (rows, requests) = (progress.rows, progress.requests)
        self.took = took
        self.isInterrupted = isInterrupted
        reason = failure
    }

    /// The one message of a sync that failed as a whole.
    package var failure: String? {
        reason.map { reason in
            let left = counts.left + counts.failed
            return "W&B: \(reason); \(plural(left, "run")) left, nothing is lost: the next sync continues"
        }
    }

    /// 0 all is sent, 3 something is left, 1 something failed.
    package var exitCode: Int32 {
        if reason != nil || counts.failed > 0 { return Failure.failed }
        return counts.goingOn + counts.notStarted + counts.sentElsewhere + counts.left > 0 ? 3 : 0
    }

    /// For people.
    package func text(_ style: TerminalStyle) -> String {
        var lines: [String] = []
        if counts.sent > 0 || rows > 0 {
            lines.append(
                style.paint("W&B: \(plural(counts.sent, "run")) sent", .bold)
                    + ", \(plural(rows, "row")) with \(plural(requests, "request")) in \(StatusText.time(took))")
        }
        func add(_ count: Int, _ text: String) { if count > 0 { lines.append("W&B: \(plural(count, "run")) " + text) } }
        add(counts.sentBefore, "sent before: nothing to do")
        add(counts.goingOn, "still active: everything so far is sent")
        add(counts.notStarted, "not begun")
        add(counts.notTracked, "without W&B (no project in the config, WANDB_MODE=disabled, or never begun): skipped")
        add(counts.sentElsewhere, "being sent by another process")
        if reason == nil {
            add(counts.left, isInterrupted ? "left: `orchestrator sync` continues them" : "left")
        }
        add(counts.failed, "could not be sent; the rows stay in their folders")
        for problem in problems.prefix(Self.shownProblems) where reason == nil {
            lines.append("  \(problem.run): \(problem.reason)")
        }
        if problems.count > Self.shownProblems, reason == nil {
            lines.append("  … and \(problems.count - Self.shownProblems) more (--json has all)")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static let shownProblems = 10

    /// For programs: keys are only ever added.
    package func json() throws -> String {
        try JSONText.encode(
            Report(
                runs: counts, rows: rows, requests: requests, seconds: took / .seconds(1), problems: problems,
                isComplete: exitCode == 0, error: reason))
    }

    private struct Report: Encodable {
        let runs: Counts
        let rows: Int
        let requests: Int
        let seconds: Double
        let problems: [Problem]
        let isComplete: Bool
        let error: String?
    }
}
