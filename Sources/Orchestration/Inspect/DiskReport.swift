import Artifacts
import Foundation
package import Store

/// Jobs' disk use, by kind of data.
package struct DiskReport: Encodable {
    /// A job, or what jobs share.
    package struct Item: Encodable {
        package let job: Int64?
        package let what: String
        package let bytes: Int
        /// Of a job: weights, checkpoints, figures and so on.
        package let parts: [String: Int]
    }

    package let items: [Item]
    package let bytes: Int

    /// Looks at all jobs and what they share, or at one job.
    ///
    /// - Throws: What keeps the state file or a folder from being read.
    package init(of job: JobID?, in state: OpenStore) throws {
        let jobs = try job.map { [try state.store.job($0)] } ?? state.store.jobs().map(\.job)
        var items: [Item] = []
        // Jobs share their worker: what is removed with one of them is only its name.
        var linked: [[UInt64]: Int] = [:]
        for job in jobs {
            var parts: [String: Int] = [:]
            for run in try state.store.snapshot(of: job.id).runs where !FolderListing.isMissing(run.folder.path) {
                for file in try SizedFile.all(in: run.folder.path) {
                    parts[RunFolder.part(of: file.name).rawValue, default: 0] += file.bytes
                }
            }
            if !FolderListing.isMissing(job.folder.path) {
                let files = try SizedFile.all(in: job.folder.path)
                parts["job"] = files.reduce(0) { $0 + ($1.link == nil ? $1.bytes : 0) }
                for file in files { if let link = file.link { linked[link] = file.bytes } }
            }
            items.append(
                Item(
                    job: job.id.rawValue, what: job.title ?? job.token, bytes: parts.values.reduce(0, +), parts: parts))
        }
        if !linked.isEmpty {
            items.append(Item(job: nil, what: "workers", bytes: linked.values.reduce(0, +), parts: [:]))
        }
        if job == nil {
            let cache = state.cache
            for (what, path) in [
                ("targets", cache.targets.path), ("tokens", cache.tokens), ("hub", cache.hub), ("trials", cache.trials),
            ] where !FolderListing.isMissing(path) {
                let bytes = try SizedFile.all(in: path).reduce(0) { $0 + $1.bytes }
                items.append(Item(job: nil, what: what, bytes: bytes, parts: [:]))
            }
        }
        self.items = items
        bytes = items.reduce(0) { $0 + $1.bytes }
    }

    /// For people.
    package func text(_ style: TerminalStyle) -> String {
        let kinds = ["weights", "checkpoints", "figures", "metrics", "wandb", "other", "job"]
        var table = TextTable(
            [("JOB", .right), ("", .left), ("SIZE", .right)] + kinds.map { ($0.uppercased(), .right) })
        for item in items {
            table.add(
                [.init(item.job.map(String.init) ?? ""), .init(item.what), .init(RunDetails.size(item.bytes))]
                    + kinds.map { .init(item.parts[$0].map(RunDetails.size) ?? "") })
        }
        return (table.lines(style) + ["In all \(RunDetails.size(bytes))."]).joined(separator: "\n") + "\n"
    }
}
