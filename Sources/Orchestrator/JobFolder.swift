import Foundation
import Slurm
import Store

/// A job's folder while it is being filled: the snapshot that the agents run.
///
/// It gets its final name only when everything is in it; until then it can be thrown away.
struct JobFolder {
    private let cache: CacheFolder
    /// Where the folder is now.
    private var path: String

    /// Fills a new folder with what doesn't depend on the job's number.
    ///
    /// - Parameters:
    ///   - cache: Where jobs lie.
    ///   - token: The job's unique name.
    ///   - worker: The program that the agents run; later changes to it don't matter to this job.
    ///   - plan: What is submitted; the files that it comes from are kept for the record.
    ///   - snapshot: What else there is to know about where it comes from.
    /// - Throws: What can't be read or written; then nothing is left of the folder.
    init(
        in cache: CacheFolder, token: String, worker: String, plan: SweepPlan, snapshot: Snapshot
    ) throws(Failure) {
        self.cache = cache
        path = cache.jobs + "/.new-" + token
        do throws(Failure) {
            try Files.makeFolder(path + "/logs")
            try JobWorkers(in: cache).take(worker, as: path + "/worker")
            if let sweepFile = plan.sweepFile { try Files.copy(sweepFile, to: path + "/sweep.yaml", mode: 0o644) }
            try snapshot.write(configs: plan.configFiles, into: path)
        } catch {
            discard()
            throw error
        }
    }

    /// Puts the folder into its place, with the batch scripts by their names, and returns its path.
    mutating func publish(
        as job: JobID, scripts: (Layout) throws(Failure) -> [(name: String, script: BatchScript)]
    ) throws(Failure) -> String {
        let layout = Layout(path: "\(cache.jobs)/\(job)")
        for (name, script) in try scripts(layout) { try Files.write(script.text, to: path + "/" + name) }
        if FileManager.default.fileExists(atPath: layout.path) {
            // No stored job has this number: a crash, or a state file that was removed, left the folder.
            try Files.publish(layout.path, as: "\(cache.jobs)/.old-\(job)-\(UUID().uuidString)")
        }
        try Files.publish(path, as: layout.path)
        path = layout.path
        return path
    }

    /// Throws the folder away: the job could not be stored.
    func discard() { Files.discard(path) }

    /// Where things are in a job's folder.
    struct Layout {
        let path: String
        var worker: String { path + "/worker" }
        var logs: String { path + "/logs" }
        var snapshot: String { path + "/snapshot.json" }

        /// The name of a job's first, second, … batch script.
        static func script(_ number: Int) -> String { number == 1 ? "submit.sh" : "submit-\(number).sh" }

        /// The lock of whoever starts the job's agents.
        var launchLock: String { path + "/launch.lock" }

        /// The log of a local agent, numbered from 1.
        func log(ofAgent number: Int) -> String { "\(logs)/agent-\(number).log" }

        /// The log of an agent: SLURM names those of its jobs as the batch script says.
        func log(of agent: Agent, startedBy executor: ExecutorKind) -> String {
            // A local agent may run inside somebody's batch job.
            guard executor == .slurm else { return log(ofAgent: agent.number) }
            let slurm = agent.slurm
            if let array = slurm.arrayJob, let task = slurm.arrayTask { return "\(logs)/\(array)_\(task).log" }
            if let job = slurm.job { return "\(logs)/\(job).log" }
            return log(ofAgent: agent.number)
        }

        /// What an agent runs.
        func command(for job: JobID) -> [String] { [worker, "--job-id", job.description] }
    }
}
