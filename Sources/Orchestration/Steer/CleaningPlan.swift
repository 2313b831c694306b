import Artifacts
import Foundation
package import Layout
package import Store
import WandB

/// What to delete.
package struct CleaningPlan {
    private var leftovers: [(leftover: Leftover, folder: Folder)] = []
    /// Files that may still be in use.
    private var kept: [(leftover: Leftover, folder: Folder)] = []
    private var jobs: [(job: Job, counts: RunCounts, folders: [Folder])] = []
    /// What could not be determined about it.
    private var doubts: [String] = []
    /// Folders of the jobs that links lead to.
    private var elsewhere: [String] = []

    /// Files of runs that stay.
    private var parts: [(what: String, files: [Folder])] = []

    /// A folder, or a file.
    private struct Folder {
        let path: String
        let bytes: Int

        /// Nil if there is no such thing.
        init?(_ path: String) throws(Failure) {
            guard !FolderListing.isMissing(path) else { return nil }
            self.path = path
            var info = stat()
            guard lstat(path, &info) == 0 else {
                throw .failed("cannot look at \(path): \(String(cString: strerror(errno)))")
            }
            let isFolder = info.st_mode & S_IFMT == S_IFDIR
            bytes = isFolder ? try SizedFile.all(in: path).map(\.bytes).reduce(0, +) : Int(info.st_size)
        }
    }

    /// Plans to delete figures, or data that W&B has, of some or all jobs' finished runs.
    package init(figures: Bool, spools: Bool, of jobs: [JobID], in state: OpenStore) throws {
        let jobs = try jobs.isEmpty ? state.store.jobs().map(\.job.id) : jobs
        let settled = try jobs.flatMap { try state.store.snapshot(of: $0).runs }.filter(\.status.isSettled)
        let runs = settled.filter { state.cache.isOwn($0.folder.path) }
        elsewhere = settled.map(\.folder.path).filter { !state.cache.isOwn($0) }
        if figures {
            // Earlier versions made a folder of them.
            let files = try runs.flatMap { try FigureFiles(in: $0.folder.path).packs + [$0.folder.earlierFigures] }
            parts.append(("Figures", try files.compactMap { try Folder($0) }))
        }
        if spools {
            let files = try runs.flatMap { run -> [String] in
                let spool = try SpoolFiles(folder: run.folder.spool, offlineFolders: state.cache.wandb)
                return spool.map { $0.isSent ? $0.paths : [] } ?? []
            }
            parts.append(("What W&B has", try files.compactMap { try Folder($0) }))
        }
        parts.removeAll(where: \.files.isEmpty)
    }

    /// Plans to delete finished runs' large files: weights, checkpoints, figures, and data that W&B has.
    ///
    /// Their rows, logs and configs stay, and no run is forgotten.
    ///
    /// - Parameters:
    ///   - query: Which runs.
    ///   - best: How many of each job's best finished runs stay as they are.
    ///   - metric: The metric that says which those are.
    ///   - jobs: The jobs; all if there are none.
    ///   - state: Where they are.
    /// - Throws: ``Failure`` for a query or a metric that names what is not there.
    package init(
        largeFilesOf query: RunQuery, keepingBest best: Int, by metric: String, of jobs: [JobID], in state: OpenStore
    ) throws {
        let over = Set(RunStatus.allCases.filter(\.isSettled))
        for id in try jobs.isEmpty ? state.store.jobs().map(\.job.id) : jobs {
            let snapshot = try state.store.snapshot(of: id)
            var kept: Set<RunID> = []
            if best > 0, snapshot.counts[.done] > 0 {
                let ranking = try Ranking(snapshot, by: metric, query: RunQuery(), in: state.store)
                kept = Set(ranking.runs.prefix(best).map(\.run.id))
            }
            let selection = try RunSelection(query, of: snapshot, in: state.store, only: over)
            let runs = selection.runs.filter { !kept.contains($0.id) }
            elsewhere += runs.map(\.folder.path).filter { !state.cache.isOwn($0) }
            var files: [Folder] = []
            for run in runs where state.cache.isOwn(run.folder.path) && !FolderListing.isMissing(run.folder.path) {
                let names = try FolderListing.names(in: run.folder.path).filter { RunFolder.part(of: $0).isLarge }
                let spool = try SpoolFiles(folder: run.folder.spool, offlineFolders: state.cache.wandb)
                let sent = spool.map { $0.isSent ? $0.paths : [] } ?? []
                files += try (names.map { run.folder.path + "/" + $0 } + sent).compactMap { try Folder($0) }
            }
            if !files.isEmpty { parts.append(("Weights, checkpoints, figures of job \(id)", files)) }
        }
    }

    package init(_ jobs: [JobID], in state: OpenStore) throws {
        for id in jobs {
            let snapshot = try state.store.snapshot(of: id)
            let job = snapshot.job
            guard snapshot.counts.settled == snapshot.counts.total else {
                throw Failure.badInput(
                    "job \(id) is not finished (\(StatusText.counts(snapshot.counts))); `orchestrator cancel \(id)` "
                        + "ends it")
            }
            let pids = snapshot.agents.filter { $0.state != .ended && job.executor == .local && !$0.isGone(in: job) }
            guard pids.isEmpty else {
                throw Failure.badInput("\(plural(pids.count, "agent")) of job \(id) still run; try again in a moment")
            }
            let folders = snapshot.runs.map(\.folder.path) + [job.folder.path]
            let own = try folders.filter(state.cache.isOwn).compactMap { try Folder($0) }
            self.jobs.append((job, snapshot.counts, own))
            elsewhere += folders.filter { !state.cache.isOwn($0) }
        }
        guard jobs.isEmpty else { return }
        // Agents of an earlier version, which a job has kept, read what it has encoded.
        let hasOpenJobs = try state.store.jobs().contains { $0.counts.settled < $0.counts.total }
        for leftover in try state.cache.leftovers() where state.cache.isOwn(leftover.path) {
            guard let folder = try Folder(leftover.path) else { continue }
            do throws(FileError) {
                if try leftover.isDead(), leftover.kind != .earlierTokens || !hasOpenJobs {
                    leftovers.append((leftover, folder))
                } else {
                    kept.append((leftover, folder))
                }
            } catch {
                // One lock that cannot be tried keeps nothing else.
                doubts.append("Cannot tell whether \(leftover.path) is in use (\(error)): left alone.")
            }
        }
    }

    package var isEmpty: Bool { jobs.isEmpty && leftovers.isEmpty && parts.isEmpty }

    /// One line per job or leftover, and the sum.
    package var lines: [String] {
        var lines = jobs.map { job, counts, folders in
            "Job \(job.id) (\(job.token), \(StatusText.counts(counts))): "
                + "\(plural(folders.count, "folder")), \(Self.size(folders))"
        }
        lines += leftovers.map { "\($0.folder.path): \(Self.size([$0.folder])), \($0.leftover.kind.words)" }
        lines += parts.map { "\($0.what): \(plural($0.files.count, "file")), \(Self.size($0.files))" }
        let all = jobs.flatMap(\.folders) + leftovers.map(\.folder) + parts.flatMap(\.files)
        return lines + ["In all \(Self.size(all))."]
    }

    /// The plan as JSON.
    package struct Report: Encodable {
        package struct Item: Encodable {
            package let path: String
            package let bytes: Int
            package var job: Int64?
            package let what: String
        }

        package let items: [Item]
        package let bytes: Int
        package let deleted: Bool
        package let notes: [String]
    }

    /// Everything that is to go, or is gone.
    package func report(isDeleted: Bool, notes: [String]) -> Report {
        var items = jobs.flatMap { job, _, folders in
            folders.map { Report.Item(path: $0.path, bytes: $0.bytes, job: job.id.rawValue, what: "job") }
        }
        items += leftovers.map {
            Report.Item(path: $0.folder.path, bytes: $0.folder.bytes, what: $0.leftover.kind.words)
        }
        items += parts.flatMap { part in
            part.files.map { Report.Item(path: $0.path, bytes: $0.bytes, what: part.what.lowercased()) }
        }
        return Report(items: items, bytes: items.reduce(0) { $0 + $1.bytes }, deleted: isDeleted, notes: notes)
    }

    /// What is left alone, and why.
    package var notes: [String] {
        var notes = elsewhere.map { "\($0) is reached through a link and may be another cache's: left alone." } + doubts
        if !kept.isEmpty {
            notes.append(
                "\(plural(kept.count, "thing")) that may be in use, \(Self.size(kept.map(\.folder))): left alone. "
                    + "Those whose process is gone can be deleted at once, those without a lock once they are a day old:"
            )
            notes += kept.map { "  \($0.folder.path): \(Self.size([$0.folder])), \($0.leftover.kind.words)" }
        }
        return notes
    }

    /// Deletes it: a job is forgotten only after its files are gone, so an interrupted deletion can be repeated.
    ///
    /// - Returns: The messages.
    package func carryOut(in store: Store) throws -> [String] {
        for (leftover, folder) in leftovers { try leftover.delete { try FileRemoval.remove(folder.path) } }
        for file in parts.flatMap(\.files) { try FileRemoval.remove(file.path) }
        for (job, _, folders) in jobs {
            for folder in folders { try FileRemoval.remove(folder.path) }
            try store.forget(job.id)
        }
        do throws(StoreError) {
            let bytes = try store.shrink()
            return bytes > 0 ? ["The state file is \(RunDetails.size(bytes)) smaller."] : []
        } catch {
            return ["The state file keeps its size: \(error)"]
        }
    }

    private static func size(_ folders: [Folder]) -> String {
        RunDetails.size(folders.map(\.bytes).reduce(0, +))
    }
}

extension Leftover.Kind {
    /// What it is, in words.
    fileprivate var words: String {
        switch self {
        case .submission: "a submission that was not finished"
        case .targetCopy: "a copy of a target that was not finished"
        case .training: "a target whose training was not finished"
        case .download: "a target whose download was not finished"
        case .encoding: "a text whose tokenizing was not finished"
        case .earlierTokens: "tokenized text of an earlier version"
        case .hubFile: "a file of a download that was not finished"
        case .check: "files of a doctor's checks"
        case .worker: "a worker that its job did not get"
        case .replacedJob: "a job that the state file does not know"
        case .damagedTarget: "a copy of a target that was changed by hand"
        case .unfinishedFile: "a file that was not finished"
        case .sender: "a heartbeat of a killed `sync`"
        }
    }
}
