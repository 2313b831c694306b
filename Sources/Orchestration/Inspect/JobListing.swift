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

    package init(cache: String, jobs: [JobSummary], stalls: [JobID: String]) {
        self.init(cache: cache, jobs: jobs.map { JobReport($0, stalled: stalls[$0.job.id]) })
    }

    package static func nothing(in cache: CacheFolder) -> String {
        "No job has been submitted to \(cache.path) yet; `orchestrator submit --help` shows how."
    }

    /// Jobs as people read them; `stalls` says why nobody works on some of them.
    package static func lines(_ jobs: [JobSummary], _ stalls: [JobID: String], _ style: Style) -> [String] {
        var table = TextTable([
            ("JOB", .right), ("NAME", .left), ("SUBMITTED", .left), ("EXECUTOR", .left), ("AGENTS", .right),
            ("RUNS", .left), ("", .left),
        ])
        for summary in jobs {
            let created = Date(timeIntervalSince1970: summary.job.created.rawValue.rounded(.down))
            table.add([
                .init(summary.job.id.description), .init(summary.job.title ?? summary.job.token),
                .init(created.ISO8601Format()),
                .init(summary.job.executor.rawValue), .init(String(summary.runningAgents)),
                .init(StatusText.counts(summary.counts)),
                .init(stalls[summary.job.id].map { "! nobody works on it: " + $0 } ?? "", .yellow),
            ])
        }
        return table.lines(style)
    }
}
