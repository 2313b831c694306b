import Artifacts
import Foundation
package import Slurm
package import Store

/// A job's folder while it is being filled: the snapshot that the agents run.
///
/// It gets its final name only when everything is in it; until then it can be thrown away.
package struct JobDraft {
    private let cache: CacheFolder
    /// The folder as it is named now.
    private var folder: JobFolder
    private let aside: Aside

    /// Fills a new folder with what doesn't depend on the job's number.
    ///
    /// - Parameters:
    ///   - cache: Where jobs lie.
    ///   - token: The job's unique name.
    ///   - worker: The program that the agents run; later changes to it don't matter to this job.
    ///   - plan: What is submitted; the files that it comes from are kept for the record.
    ///   - snapshot: What else there is to know about where it comes from.
    /// - Throws: What can't be read or written; then nothing is left of the folder.
    package init(
        in cache: CacheFolder, token: String, worker: String, plan: SweepPlan, snapshot: Snapshot
    ) throws(Failure) {
        self.cache = cache
        do throws(FileError) { aside = try Aside(in: cache.jobs, named: token) } catch {
            throw .failed("\(error); nothing was stored")
        }
        folder = JobFolder(path: aside.path)
        do throws(Failure) {
            try storing { () throws(FileError) in try DurableFile.createFolder(folder.logs) }
            try JobWorkers(in: cache).take(worker, as: folder.worker)
            if let sweepFile = plan.sweepFile { try FileCopy.make(of: sweepFile, at: folder.sweep, mode: 0o644) }
            do throws(FileError) {
                for bundle in plan.observers { try bundle.write(below: folder.observers) }
            } catch {
                throw .failed("\(error); nothing was stored")
            }
            try snapshot.write(configs: plan.configFiles, into: folder)
        } catch {
            discard()
            throw error
        }
    }

    /// Puts the folder into its place, with the batch scripts by their names.
    package mutating func publish(
        as job: JobID, scripts: (JobFolder) throws(Failure) -> [(name: String, script: BatchScript)]
    ) throws(Failure) {
        let place = cache.folder(of: job)
        let scripts = try scripts(place)
        try storing { () throws(FileError) in
            for (name, script) in scripts { try DurableFile.write(script.text, to: folder.script(named: name)) }
            if FileManager.default.fileExists(atPath: place.path) {
                // No stored job has this number: a crash, or a state file that was removed, left the folder.
                try DurableFile.rename(place.path, to: cache.place(ofReplaced: job))
            }
            try aside.publish(as: place.path)
        }
        folder = place
    }

    /// Throws the folder away: the job could not be stored.
    package func discard() {
        FileRemoval.discard(folder.path)
        aside.close()
    }
}

extension JobFolder {
    /// The log of an agent: SLURM names those of its jobs as the batch script says.
    package func log(of agent: Agent, startedBy executor: ExecutorKind) -> String {
        // A local agent may run inside somebody's batch job.
        guard executor == .slurm else { return log(ofAgent: agent.number) }
        let slurm = agent.slurm
        if let array = slurm.arrayJob, let task = slurm.arrayTask { return log(ofArrayJob: array, task: task) }
        if let job = slurm.job { return log(ofBatchJob: job) }
        return log(ofAgent: agent.number)
    }

    /// What an agent runs.
    package func command(for job: JobID) -> [String] { [worker, "--job-id", job.description] }
}
