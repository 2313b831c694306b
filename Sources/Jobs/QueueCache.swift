import Artifacts
import Foundation
public import Slurm
public import Store

/// SLURM's queue at one moment: the jobs of the users who submitted a cache folder's jobs.
public struct QueueView: Sendable, Codable, Equatable {
    /// When SLURM was asked last.
    public let asked: Timestamp
    /// When it last answered.
    public let time: Timestamp?
    /// What it answered then, one entry per array task.
    public let entries: [QueueEntry]
    /// Why it did not answer when it was asked last.
    public let problem: String?

    /// Describes the queue at a moment.
    public init(asked: Timestamp, time: Timestamp?, entries: [QueueEntry], problem: String?) {
        self.asked = asked
        self.time = time
        self.entries = entries
        self.problem = problem
    }

    /// What the queue says about an agent, by its numbers.
    ///
    /// A controller that has lost its state gives numbers away again: what has another name is not the agent.
    public func entry(of place: SlurmPlace, in job: Job) -> QueueEntry? {
        guard let number = place.job else { return nil }
        return entries(of: job).first { entry in
            // In a federation, what has been revoked on this cluster runs on another one.
            entry.state.rawValue != "REVOKED"
                && (entry.job.rawValue == number
                    || (place.arrayJob != nil && entry.arrayJob.rawValue == place.arrayJob
                        && entry.task.map(Int64.init) == place.arrayTask))
        }
    }

    /// The entries of a job, by its name, or by its scripts where somebody has given it another name.
    public func entries(of job: Job) -> [QueueEntry] {
        entries.filter { $0.jobName == job.token || $0.script.hasPrefix(job.folder.scripts) }
    }
}

/// One `squeue` for all commands of a user on a cache folder: its answer is kept in a file, and SLURM is not asked again for a minute,
/// however many commands watch however many jobs.
public struct QueueCache: Sendable {
    private let file: String
    private let cache: CacheFolder
    private let slurm: SlurmCommands
    private let pause: Duration

    /// Caches the queue in `cache`, or in a file elsewhere; queries SLURM at most once per `pause`.
    public init(cache: CacheFolder, slurm: SlurmCommands, file: String? = nil, pause: Duration = .seconds(60)) {
        self.file = file ?? cache.queueFile(ofUser: getuid())
        self.cache = cache
        self.slurm = slurm
        self.pause = pause
    }

    /// The queue, from the file if it is young enough.
    ///
    /// - Parameters:
    ///   - earliest: A view from before this moment doesn't help the caller.
    ///   - refresh: Whether the user asked to ask.
    /// - Returns: The queue; `nil` if nobody could ever ask.
    public func view(since earliest: Timestamp? = nil, refresh: Bool = false) async -> QueueView? {
        let kept = read()
        if let kept, !refresh, isYoung(kept), earliest.map({ kept.asked >= $0 }) ?? true { return kept }
        let lock: FileLock?
        do throws(FileError) {
            // Another process that asks right now does it for all.
            guard let free = try FileLock(path: Aside.lock(of: file)) else { return kept }
            lock = free
        } catch {
            // A user who may only read another's folder asks for himself.
            lock = nil
        }
        defer { lock?.release() }
        let view = await ask(kept)
        guard lock != nil else { return view }
        // Whatever has to write to the folder reports that it can't.
        do { try DurableFile.write([UInt8](JSONEncoder().encode(view)), to: file) } catch { return view }
        return view
    }

    private func ask(_ kept: QueueView?) async -> QueueView {
        let asked = Timestamp.now()
        do throws(SlurmError) {
            let entries = try await slurm.queue(of: users).filter {
                $0.jobName.hasPrefix("spd-") || $0.script.hasPrefix(cache.jobs + "/")
            }
            return QueueView(asked: asked, time: asked, entries: entries, problem: nil)
        } catch {
            return QueueView(asked: asked, time: kept?.time, entries: kept?.entries ?? [], problem: "\(error)")
        }
    }

    /// The users who submitted the latest jobs, by the owners of the jobs' folders, and the current user.
    private var users: Set<uid_t> {
        var users: Set = [getuid()]
        let names: [String]
        do throws(FileError) { names = try FolderListing.names(in: cache.jobs) } catch { return users }
        for number in names.compactMap(Int64.init).sorted(by: >).prefix(Self.latest) {
            var info = stat()
            if lstat(cache.folder(of: JobID(rawValue: number)).path, &info) == 0 { users.insert(info.st_uid) }
        }
        return users
    }

    /// For this many jobs the owners are looked up.
    private static let latest = 200

    private func isYoung(_ view: QueueView) -> Bool {
        let age = Timestamp.now() - view.asked
        // A view from the future was written before the clock was set back.
        return age >= .zero && age < pause
    }

    private func read() -> QueueView? {
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        do { return try JSONDecoder().decode(QueueView.self, from: data) } catch {
            // Written by another version: asked for again.
            return nil
        }
    }
}
