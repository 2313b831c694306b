import Foundation
import JSON
package import WandB

/// Runs written as W&B's own client writes them offline, for its `wandb sync`.
package struct OfflineFolders {
    private let folder: String
    private var written: [String] = []
    /// W&B has them, or a part of them.
    private var onServer = 0
    private var goingOn = 0
    private var untracked = 0
    private var problems: [(run: String, reason: String)] = []

    /// Writes those of some runs that are over, and of which no server has anything.
    package init(_ runs: [RelayedRun], in folder: String) throws(Failure) {
        self.folder = folder
        for run in runs {
            try Interruption.check()
            guard run.end != nil else {
                goingOn += 1
                continue
            }
            do throws(SpoolError) {
                if let offline = try OfflineRun.write(from: run.folder, into: folder) {
                    written.append(offline.path)
                } else {
                    onServer += 1
                }
            } catch {
                if case .noRun = error { untracked += 1 } else { problems.append((run.id, error.description)) }
            }
        }
    }

    package var hasFailed: Bool { !problems.isEmpty }

    /// For people.
    package var text: String {
        var lines: [String] = []
        if !written.isEmpty {
            lines.append("\(plural(written.count, "run")) written: `wandb sync \(folder)` sends them")
        }
        func add(_ count: Int, _ text: String) { if count > 0 { lines.append("\(plural(count, "run")) \(text)") } }
        add(onServer, "sent before, wholly or in part: only `orchestrator sync` can continue them")
        add(goingOn, "not over: left out")
        add(untracked, "without W&B: left out")
        for problem in problems { lines.append("\(problem.run): \(problem.reason)") }
        return lines.map { "W&B: \($0)\n" }.joined()
    }

    /// For programs: keys are only ever added.
    package func json() throws -> String {
        try JSONText.encode(
            Report(
                folder: folder, written: written, sentBefore: onServer, goingOn: goingOn, notTracked: untracked,
                problems: problems.map { Report.Problem(run: $0.run, reason: $0.reason) }))
    }

    private struct Report: Encodable {
        struct Problem: Encodable {
            let run: String
            let reason: String
        }
        let folder: String
        let written: [String]
        let sentBefore: Int
        let goingOn: Int
        let notTracked: Int
        let problems: [Problem]
    }
}
