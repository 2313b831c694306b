import Foundation
import Slurm
import Store

/// The state that commands look at and change: it exists, or there is nothing to do.
struct State {
    let store: Store
    let cache: CacheFolder
    let environment: [String: String]

    /// Opens the state that the environment leads to, after putting right what others have left half done.
    static func open() async throws(Failure) -> State {
        let state = try State()
        let slurm = SlurmCommands(environment: state.environment)
        await Recovery(cache: state.cache, environment: state.environment, slurm: slurm).perform()
        return state
    }

    /// Opens the state that the environment leads to.
    init() throws(Failure) {
        environment = ProcessInfo.processInfo.environment
        cache = try Self.folder(environment)
        let existing: Store?
        do throws(StoreError) { existing = try Store.existing(cache) } catch { throw Failure(error) }
        guard let existing else { throw .badInput("nothing was ever submitted to \(cache.path)") }
        store = existing
    }

    /// The folder that the environment leads to.
    static func folder(_ environment: [String: String]) throws(Failure) -> CacheFolder {
        do throws(CacheFolderError) { return try CacheFolder(environment: environment) } catch { throw Failure(error) }
    }

    /// The given job, or the latest.
    func job(_ number: Int64?) throws -> Job {
        if let number { return try store.job(JobID(rawValue: number)) }
        guard let latest = try store.jobs().last else {
            throw Failure.badInput("no job has been submitted to \(cache.path) yet")
        }
        return latest.job
    }
}

/// What a user names on the command line.
enum Reference: Equatable {
    case job(JobID)
    /// A job's agent, numbered from 1: `7.2`.
    case agent(JobID, number: Int)
    /// The name of a run or its beginning.
    case run(String)

    /// Reads a job's number, an agent's two numbers, or the beginning of a run's name.
    ///
    /// All digits are a job's number unless there are as many as a run's name has letters.
    init(_ text: String) {
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
