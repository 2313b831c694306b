import Foundation
import Layout
import Slurm
package import Store

/// The state that commands look at and change: it exists, or there is nothing to do.
package struct OpenStore {
    package let store: Store
    package let cache: CacheFolder
    package let environment: [String: String]
    /// The folder an archive was unpacked into.
    private var unpacked: Aside?

    /// Opens the state that the environment leads to, after putting right what others have left half done.
    package static func open(for use: Store.Use) async throws(Failure) -> OpenStore {
        let state = try OpenStore(for: use)
        await state.recover()
        return state
    }

    /// Opens the state that the environment leads to.
    package init(for use: Store.Use) throws(Failure) {
        let environment = ProcessInfo.processInfo.environment
        let cache = try Self.folder(environment)
        guard let state = try OpenStore(cache, environment: environment, for: use) else {
            throw .badInput("nothing was ever submitted to \(cache.path)")
        }
        self = state
    }

    /// Opens the state in a folder; nil if nothing was ever submitted to it.
    package init?(_ cache: CacheFolder, environment: [String: String], for use: Store.Use) throws(Failure) {
        let existing: Store?
        do throws(StoreError) { existing = try Store.existing(cache, for: use) } catch { throw Failure(error) }
        guard let existing else { return nil }
        (store, self.cache, self.environment) = (existing, cache, environment)
        if let original = store.original, use == .changing || original.isNews {
            printError(
                "\(cache.path) is a copy of \(original.path): runs in both have the same W&B ids, so whatever "
                    + "either of them sends goes to the same pages")
        }
    }

    /// Opens the state of an archived job, unpacked into its own folder until ``discard()``.
    package init(archive: String) throws(Failure) {
        let environment = ProcessInfo.processInfo.environment
        let folder: Aside
        do { folder = try JobArchive.unpack(archive, environment: environment) } catch { throw Failure(error) }
        cache = CacheFolder(path: folder.path)
        do throws(StoreError) {
            guard let existing = try Store.existing(cache, for: .looking) else {
                throw .missing(path: cache.stateFile, jobs: 0)
            }
            store = existing
        } catch {
            JobArchive.discard(folder)
            if case .createdByNewerVersion = error {
                throw .failed("\(archive) was written by a newer version of this program: use that version")
            }
            throw .badInput("\(archive) is damaged: its state file cannot be read")
        }
        (self.environment, unpacked) = (environment, folder)
    }

    /// Removes the folder of an archive that was opened.
    package func discard() {
        if let unpacked { JobArchive.discard(unpacked) }
    }

    /// A message about the state: files in an archive go by their names there, not by where they were unpacked.
    package func told(_ text: String) -> String {
        unpacked == nil ? text : text.replacing(cache.path + "/", with: "")
    }

    /// Repairs what others left half done, if this user may.
    package func recover() async {
        guard !store.isReadOnly else { return }
        await Recovery(
            cache: cache, environment: environment, slurm: SlurmCommands(environment: environment)
        ).perform(in: store)
    }

    /// The folder that the environment leads to.
    package static func folder(_ environment: [String: String]) throws(Failure) -> CacheFolder {
        do throws(CacheFolderError) { return try CacheFolder(environment: environment) } catch { throw Failure(error) }
    }

    /// The given job, or the latest.
    package func job(_ number: Int64?) throws -> Job {
        if let number { return try store.job(JobID(rawValue: number)) }
        guard let latest = try store.jobs().last else {
            throw Failure.badInput("no job has been submitted to \(cache.path) yet")
        }
        return latest.job
    }
}

/// What a user names on the command line.
package enum Reference: Equatable {
    case job(JobID)
    /// A job's agent, numbered from 1: `7.2`.
    case agent(JobID, number: Int)
    /// The name of a run or its beginning.
    case run(String)

    /// Reads a job's number, an agent's two numbers, or the beginning of a run's name.
    ///
    /// All digits are a job's number unless there are as many as a run's name has letters.
    package init(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if text.count < 8, let number = Int64(text), number > 0 {
            self = .job(JobID(rawValue: number))
        } else if parts.count == 2, let job = Int64(parts[0]), let number = Int(parts[1]) {
            self = .agent(JobID(rawValue: job), number: number)
        } else {
            self = .run(text.lowercased())
        }
    }
}
