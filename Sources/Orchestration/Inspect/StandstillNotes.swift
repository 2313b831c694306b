import Foundation
import Store

/// What keeps a job, or some of its runs and agents, from going on by the user's or the job's own will.
struct StandstillNotes {
    let lines: [String]

    init(of snapshot: JobSnapshot, in store: Store) {
        let job = snapshot.job
        var lines: [String] = []
        if let reason = job.halted {
            lines.append("Hands out no more specs: \(reason); `orchestrator resume \(job.id)` goes on all the same")
        }
        if job.held != nil { lines.append("Held; `orchestrator release \(job.id)` lets it go on") }
        if job.after != nil || job.maxRunning != nil {
            // What can't be asked now is asked with the next look.
            switch try? store.standstill(of: job.id) {
            case .waiting(let other): lines.append("Waits until nothing of job \(other) is left")
            case .full(let limit): lines.append("At most \(plural(limit, "run")) at once (--max-running)")
            default: break
            }
        }
        let held = snapshot.held
        if held > 0 {
            lines.append(
                "\(plural(held, "run")) held; `orchestrator release RUN…` lets \(held == 1 ? "it" : "them") go on")
        }
        let leaving = snapshot.agents.count { $0.isLeaving && $0.state != .ended }
        if leaving > 0 {
            lines.append("\(plural(leaving, "agent")) \(leaving == 1 ? "ends" : "end") after the present runs")
        }
        self.lines = lines
    }
}
