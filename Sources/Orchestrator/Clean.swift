import ArgumentParser
import Foundation
import Store

/// Deletes what is not needed any more, after showing it.
struct Clean: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete finished jobs with their runs' files, and what crashes have left; shows it first.",
        discussion: """
            EXAMPLES
              orchestrator clean              what interrupted submissions have left: shows it
              orchestrator clean 3 4          jobs 3 and 4, all of their runs and files: shows them
              orchestrator clean 3 4 --yes    deletes them

            A job with runs that wait or run is refused. Results, checkpoints and rows that are not sent to
            W&B yet go with a run's folder; trained targets and everything of other jobs stay.
            """)

    @Argument(help: "Numbers of jobs.")
    var jobs: [Int64] = []

    @Flag(help: "Delete; without it, everything is only shown.")
    var yes = false

    func run() async throws {
        let state = try await State.open()
        try await failing {
            let plan = try CleaningPlan(jobs.map(JobID.init), in: state)
            guard !plan.isEmpty else { return print("There is nothing to delete.") }
            for line in plan.lines { print(line) }
            guard yes else { return print("Nothing was deleted; --yes deletes this.") }
            try plan.carryOut(in: state.store)
            print("Deleted.")
        }
    }
}

/// What is to be deleted.
struct CleaningPlan {
    private var leftovers: [Folder] = []
    private var jobs: [(job: Job, counts: RunCounts, folders: [Folder])] = []

    private struct Folder {
        let path: String
        let bytes: Int

        init?(_ path: String) {
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            self.path = path
            bytes = Files.sizes(in: path).map(\.bytes).reduce(0, +)
        }
    }

    init(_ jobs: [JobID], in state: State) throws {
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
            self.jobs.append((job, snapshot.counts, folders.compactMap { Folder($0) }))
        }
        if jobs.isEmpty { leftovers = Self.leftovers(in: state.cache) }
    }

    var isEmpty: Bool { jobs.isEmpty && leftovers.isEmpty }

    /// One line per job or folder, and the sum.
    var lines: [String] {
        var lines = jobs.map { job, counts, folders in
            "Job \(job.id) (\(job.token), \(StatusText.counts(counts))): "
                + "\(plural(folders.count, "folder")), \(Self.size(folders))"
        }
        lines += leftovers.map { "\($0.path): \(Self.size([$0]))" }
        return lines + ["In all \(Self.size(jobs.flatMap(\.folders) + leftovers))."]
    }

    /// Deletes it: a job is forgotten only after its files are gone, so that an interruption can be made up for.
    func carryOut(in store: Store) throws {
        for folder in leftovers { try Files.remove(folder.path) }
        for (job, _, folders) in jobs {
            for folder in folders { try Files.remove(folder.path) }
            try store.forget(job.id)
        }
    }

    /// Folders of submissions and checks that were cut short (a day ago, so that none is at work on them), and of
    /// jobs that the state did not know when their number was given again.
    private static func leftovers(in cache: CacheFolder) -> [Folder] {
        let beginnings = [(cache.jobs, ".new-"), (cache.targets.path, ".new-"), (cache.path, ".spd-doctor-")]
        let cutShort = beginnings.flatMap { folder, beginning in
            names(in: folder).filter { $0.hasPrefix(beginning) }.map { folder + "/" + $0 }
        }.filter { path in
            var info = stat()
            return stat(path, &info) == 0 && time(nil) - info.st_mtim.tv_sec > 86_400
        }
        let replaced =
            names(in: cache.jobs).filter { $0.hasPrefix(".old-") }.map { cache.jobs + "/" + $0 }
            + names(in: cache.targets.path).filter { $0.contains(".damaged-") }.map { cache.targets.path + "/" + $0 }
        return (cutShort + replaced).sorted().compactMap { Folder($0) }
    }

    private static func names(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func size(_ folders: [Folder]) -> String {
        RunDetails.size(folders.map(\.bytes).reduce(0, +))
    }
}
