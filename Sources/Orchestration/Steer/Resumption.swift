import Artifacts
import Foundation
import Jobs
import Layout
package import Slurm
package import Store

/// More agents for a job that is stored already.
package struct Resumption {
    package let launch: AgentLaunch
    /// How many; `nil` for as many as are missing.
    package let wanted: Int?
    /// Their options: those of the job's first ones, except for what the command line changes.
    package let options: JobOptions

    package init(launch: AgentLaunch, wanted: Int?, options: JobOptions) {
        self.launch = launch
        self.wanted = wanted
        self.options = options
    }

    private var job: Job { launch.job }

    /// Starts them.
    package func start() async throws(Failure) -> (text: String, agents: Int, warnings: [String]) {
        do {
            let open = try launch.store.openWork(of: job.id)
            guard !open.isNone else {
                throw Failure.badInput(
                    "job \(job.id) has nothing left to do; `orchestrator retry \(job.id)` requeues failed and "
                        + "cancelled runs, and `orchestrator sync \(job.id)` sends what W&B does not have of it yet"
                )
            }
            guard access(job.folder.worker, X_OK) == 0 else {
                throw Failure.failed("the job's worker \(job.folder.worker) is gone")
            }
            try checkThatItIsOurs()
            let notes = try renewWorker()
            let result =
                switch job.executor {
                case .local: try startLocally(open)
                case .slurm: try await startOnSlurm(open)
                }
            return (result.text, result.agents, notes + result.warnings)
        } catch {
            throw Failure(error)
        }
    }

    /// In a copy, folders that are links lead into the original.
    private func checkThatItIsOurs() throws(Failure) {
        guard let original = launch.store.original, let folder = launch.cache.foldersElsewhere.first else { return }
        throw .failed(
            "\(folder.name) is a link to \(folder.place), and the cache is a copy of \(original.path), which may use it: "
                + "put a copy of what it leads to in its place")
    }

    /// Gives the job the present worker if its own, of an earlier version, can no longer use the state file.
    private func renewWorker() throws -> [String] {
        guard !job.hasPresentWorker else { return [] }
        let worker = try Program.worker(environment: launch.environment)
        let aside = try storing { () throws(FileError) in try job.folder.asideForWorker() }
        defer { FileRemoval.discard(aside) }
        let next = JobFolder(path: aside.path).worker
        try JobWorkers(in: launch.cache).take(worker, as: next)
        try storing { () throws(FileError) in try DurableFile.rename(next, to: job.folder.worker) }
        try launch.store.noteWorker(of: job.id)
        return ["job \(job.id) was submitted by an earlier version: from now on its agents run the current worker"]
    }

    /// How to judge agents like those that ended last.
    package enum Recurrence: Equatable {
        /// They may well end in the same way.
        case likely(String)
        /// They did so before, or SLURM says that they will.
        case certain(String)
    }

    /// Whether the job's last agents ended for a reason that will end new ones too, if these ask for the same.
    ///
    /// - Parameters:
    ///   - outlook: What is thought of the job's agents.
    ///   - snapshot: The job.
    ///   - options: What the new ones are to get.
    ///   - slurm: Asked whether it could start them at all, where it has refused the last ones for what they asked for.
    /// - Returns: What to say; nil if nothing speaks against new ones.
    package static func recurrence(
        _ outlook: AgentsWatch.Outlook, _ snapshot: JobSnapshot, _ options: JobOptions, _ slurm: SlurmCommands
    ) async -> Recurrence? {
        let job = snapshot.job
        func willRecur(_ ending: SlurmEnding) -> Bool {
            ending.willRecur(hasSpoken: snapshot.spoken.contains(ending.number))
        }
        let recurring = outlook.endings.filter(willRecur)
        let calls = snapshot.sbatchCalls.filter { $0.state == .submitted }
        guard !recurring.isEmpty, let last = calls.last, options == last.options ?? job.options else { return nil }
        let fact =
            "job \(job.id): its last agents ended in SLURM: "
            + recurring.lines(spoken: snapshot.spoken).joined(separator: "; ")
        let likely = Recurrence.likely(fact + "; new ones with the same options are likely to end the same way")
        let advice = "change the options (`orchestrator resume --help`), or start them anyway with --anyway"
        let before = calls.dropLast().last { ($0.options ?? job.options) == options }
        let earlier = snapshot.endings.filter { $0.arrayJob == before?.slurmJobID && willRecur($0) }
        if !Set(earlier.map(\.words)).isDisjoint(with: recurring.map(\.words)) {
            return .certain("\(fact); those before them ended the same way: \(advice)")
        }
        guard recurring.contains(where: { $0.reason.hasPrefix("BadConstraints") }) else { return likely }
        do throws(SlurmError) {
            try await slurm.test(scriptAt: job.folder.script(named: last.script), arguments: options.sbatchArguments)
            return likely
        } catch {
            // What SLURM does not answer now, it may take.
            guard case .refused(_, let message) = error, message.contains("not available") else { return likely }
            return .certain("\(fact); SLURM says of new ones: \(message): \(advice)")
        }
    }

    private func startLocally(_ open: OpenWork) throws -> (text: String, agents: Int, warnings: [String]) {
        let alive = try launch.store.agents(of: job.id).filter { $0.state != .ended && !$0.isGone(in: job) }
        let (count, note) = try count(atWork: alive.count, open)
        guard FileManager.default.changeCurrentDirectoryPath(launch.workingFolder) else {
            throw Failure.failed("cannot go to \(launch.workingFolder), where the job's agents run")
        }
        let agents = try launch.store.addAgents(count, to: job.id)
        do {
            let warnings = try launch.startLocally(agents, options: options)
            return (text(count, open, place: "here"), count, note + warnings)
        } catch {
            for agent in agents { try launch.store.agentEnded(agent.id, reason: "could not be started") }
            throw error
        }
    }

    private func startOnSlurm(_ open: OpenWork) async throws -> (text: String, agents: Int, warnings: [String]) {
        // One that has ended may still be reporting failures; SLURM restarts one that waits in the queue.
        let agents = try launch.store.agents(of: job.id)
        let gone = Set(agents.filter { $0.state == .ended }.compactMap(\.slurm.job))
            .subtracting(agents.filter { $0.state != .ended }.compactMap(\.slurm.job))
        let atWork = try await launch.slurm.queue(named: job.token, scripts: job.folder.scripts).count {
            !$0.state.isFinal && ($0.state == .pending || !gone.contains($0.job.rawValue))
        }
        let (count, note) = try count(atWork: atWork, open)
        let earlier = try launch.store.sbatchCalls(of: job.id).count
        let arrays = try await AgentLaunch.arrays(of: count, launch.slurm, first: earlier + 1)
        for array in arrays { try launch.write(array.script, agents: array.agents, options: options) }
        try launch.store.addSbatchCalls(arrays, to: job.id, options: options)
        let warnings = try await launch.startOnSlurm()
        return (text(count, open, place: "in SLURM's queue"), count, note + warnings)
    }

    /// How many to start, and what to say about it.
    private func count(atWork: Int, _ open: OpenWork) throws(Failure) -> (Int, [String]) {
        let runs = open.pending + open.running
        var request = AgentRequest(agentCount: wanted ?? job.agentCount, options: options)
        let note = request.limit(to: runs)
        if wanted != nil { return (request.agentCount, [note].compactMap(\.self)) }
        let missing = request.agentCount - atWork
        guard missing > 0 else {
            throw .badInput(
                "\(plural(atWork, "agent")) of job \(job.id) \(atWork == 1 ? "is" : "are") at work or waiting; "
                    + "--n-agents N starts more")
        }
        return (missing, [])
    }

    private func text(_ count: Int, _ open: OpenWork, place: String) -> String {
        "Job \(job.id): \(plural(count, "agent")) started \(place) for \(plural(open.pending, "waiting run"))"
            + (open.running > 0 ? " and \(open.running) at work\n" : "\n")
            + (job.held == nil ? "" : "It is held: `orchestrator release \(job.id)` lets it go on\n")
            + "Status: orchestrator status \(job.id) --watch"
    }
}
