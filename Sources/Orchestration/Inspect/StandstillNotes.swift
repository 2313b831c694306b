import Foundation
package import Store

/// Why a job, or some of its runs and agents, are not progressing: held by the user or the job itself, or a full disk.
package struct StandstillNotes {
    let lines: [String]
    /// Obstacles for which runs wait, one line each; also among the lines.
    let hindrances: [String]

    /// That a job was halted after failures, if it was, and what lifts that: neither `release` nor `retry` does.
    package static func halt(of job: Job) -> String? {
        job.halted.map { "Hands out no more specs: \($0); `orchestrator resume \(job.id)` continues anyway" }
    }

    /// What keeps runs of a job waiting, one line for each obstacle.
    ///
    /// Where the disk is full to the last byte, an agent cannot write that it waits for it.
    static func hindrances(of job: JobID, in store: Store) throws(StoreError) -> [String] {
        StoragePlace(holding: store.cache.path).exhausted
            + FailureCause.grouping(try store.hindrances(of: job).map { ($0.run, $0.error) }).map { cause in
                let names = cause.runs.prefix(3).map(\.rawValue).joined(separator: ", ")
                let more = cause.runs.count > 3 ? " and \(cause.runs.count - 3) more" : ""
                return "\(names)\(more) \(cause.runs.count == 1 ? "waits" : "wait"): \(cause.text)"
            }
    }

    init(of snapshot: JobSnapshot, in store: Store) {
        let job = snapshot.job
        var lines: [String] = []
        if let halt = Self.halt(of: job) { lines.append(halt) }
        if job.held != nil { lines.append("Held; `orchestrator release \(job.id)` lets it go on") }
        var hindrances: [String] = []
        do throws(StoreError) {
            if job.after != nil || job.maxRunning != nil {
                switch try store.standstill(of: job.id) {
                case .waiting(let other): lines.append("Waits until job \(other) is over")
                case .full(let limit): lines.append("At most \(plural(limit, "run")) at once (--max-running)")
                default: break
                }
            }
            hindrances = try Self.hindrances(of: job.id, in: store)
        } catch {
            // If the obstacle is unknown, no time left is shown.
            hindrances = ["What may keep runs waiting cannot be read: \(error)"]
        }
        self.hindrances = hindrances
        lines += hindrances
        let held = snapshot.held
        if held > 0 {
            lines.append(
                "\(plural(held, "run")) held; `orchestrator release RUN…` lets \(held == 1 ? "it" : "them") go on")
        }
        let leaving = snapshot.agents.count { $0.isLeaving && $0.state != .ended }
        if leaving > 0 {
            lines.append("\(plural(leaving, "agent")) \(leaving == 1 ? "ends" : "end") after the current runs")
        }
        self.lines = lines
    }
}
