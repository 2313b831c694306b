import Foundation
import Slurm
package import Store

/// Jobs as `--json` prints them.
package struct JobListing: Encodable {
    package let cache: String
    package let jobs: [JobReport]

    package init(cache: String, jobs: [JobReport]) {
        self.cache = cache
        self.jobs = jobs
    }

    package init(cache: String, jobs: [JobSummary], remarks: [JobID: AgentsWatch.Remark]) {
        self.init(cache: cache, jobs: jobs.map { JobReport($0, remark: remarks[$0.job.id]) })
    }

    package static func nothing(in cache: CacheFolder) -> String {
        "No job has been submitted to \(cache.path) yet; `orchestrator submit --help` shows how."
    }

    /// Jobs as people read them; `remarks` says why nobody works on some of them, or what agents wait for.
    package static func lines(
        _ jobs: [JobSummary], _ remarks: [JobID: AgentsWatch.Remark], _ style: TerminalStyle
    ) -> [String] {
        var table = TextTable([
            ("JOB", .right), ("NAME", .left), ("SUBMITTED", .left), ("EXECUTOR", .left), ("AGENTS", .right),
            ("RUNS", .left), ("", .left),
        ])
        for summary in jobs {
            let remark = remarks[summary.job.id]
            let created = Date(timeIntervalSince1970: summary.job.created.rawValue.rounded(.down))
            table.add([
                .init(summary.job.id.description), .init(summary.job.title ?? summary.job.token),
                .init(created.ISO8601Format()),
                .init(summary.job.executor.rawValue), .init(String(summary.runningAgents)),
                .init(StatusText.counts(summary.counts)),
                remark?.stalled.map { .init("! no agent works on it: " + $0, .yellow) }
                    ?? .init(remark?.waiting.joined(separator: "; ") ?? ""),
            ])
        }
        return table.lines(style)
    }
}
