import Artifacts
import Foundation
import Jobs
import Slurm
package import Store

extension AgentLaunch {
    /// The outcome of an `sbatch` call whose answer was never recorded.
    private enum Fate {
        /// SLURM has taken the job.
        case taken(SlurmJobID)
        /// It has not, and will not any more.
        case lost
        /// That is not known now.
        case unclear(String)
    }

    /// This long after it was called, no `sbatch` that has ended can still bring a job into the queue.
    ///
    /// On this machine it can be seen that it has ended; on another one it may continue trying for minutes. A
    /// controller that has not answered may take as long to come to the request.
    private static let settling = (here: Duration.seconds(5), elsewhere: SbatchCall.settling)

    /// Makes the job's planned `sbatch` calls, and finds out the outcome of calls that another process began.
    ///
    /// Each call is recorded before it is made, so whatever happens around it, the next command finds out whether
    /// SLURM has taken the job, and nothing is submitted twice. Arrays that SLURM finds too large are split.
    ///
    /// - Returns: Warnings.
    /// - Throws: Why SLURM took nothing at all.
    package func startOnSlurm() async throws -> [String] {
        guard let lock = try FileLock(path: job.folder.launchLock) else {
            return ["another process is starting agents of job \(job.id) right now"]
        }
        defer { lock.release() }
        var warnings: [String] = []
        var agents = 0
        while let call = try store.sbatchCalls(of: job.id).first(where: \.state.isOpen) {
            if call.state == .begun {
                switch try await fate(of: call) {
                case .taken(let number):
                    try store.settle(call, as: number.rawValue)
                    agents += call.agents
                    continue
                case .unclear(let reason): return warnings + [reason]
                case .lost: break
                }
            }
            do throws(SlurmError) {
                let number = try await submit(call)
                agents += call.agents
                warnings += noting { try store.settle(call, as: number.rawValue) }
            } catch {
                if case .uncertain(_, _, let mayCome) = error {
                    let advice = "its specs are stored; the next command looks again, don't submit them again"
                    return warnings + ["job \(job.id): \(error); \(advice)"]
                        + noting { try store.noteUnclear(call, mayCome: mayCome) }
                }
                if error.isLimit, call.agents > 1 {
                    try split(call)
                    continue
                }
                try store.refuse(call)
                for rest in try store.sbatchCalls(of: job.id) where rest.state.isOpen { try store.refuse(rest) }
                guard agents > 0 else { throw error }
                warnings.append(
                    "SLURM accepts no more than \(plural(agents, "agent")) now (\(error)); they share all specs, and "
                        + "`orchestrator resume \(job.id) --n-agents N` adds more later")
                break
            }
        }
        let latest = try store.sbatchCalls(of: job.id).last { $0.slurmJobID != nil }
        return warnings + noting { try store.markSubmitted(job.id, slurmJobID: latest?.slurmJobID) }
    }

    private func submit(_ call: SbatchCall) async throws(SlurmError) -> SlurmJobID {
        let known: Set<SlurmJobID>
        do throws(StoreError) {
            known = try knownJobs()
            try store.begin(call)
        } catch {
            // Nothing that can't be noted is submitted.
            throw .refused(command: "sbatch", message: "not called, because the state file can't be changed: \(error)")
        }
        return try await slurm.submit(
            scriptAt: job.folder.script(named: call.script),
            arguments: SbatchDependency.arguments(
                options(of: call).sbatchArguments, waitingFor: try await predecessors()),
            name: job.token, besides: known)
    }

    /// Keeps agents from waiting on nodes for an earlier job: SLURM starts them when that job's agents end.
    ///
    /// Whether it is their job's turn the state file decides, whatever SLURM does.
    private func predecessors() async throws(SlurmError) -> Set<SlurmJobID> {
        guard let after = job.after else { return [] }
        let predecessor: Job
        do throws(StoreError) {
            guard try !store.openWork(of: after).isNone else { return [] }
            predecessor = try store.job(after)
        } catch {
            // It was deleted meanwhile, so nothing is left of it.
            return []
        }
        return Set(
            try await slurm.queue(named: predecessor.token, scripts: predecessor.folder.scripts)
                .filter { !$0.state.isFinal }.map(\.arrayJob))
    }

    /// SLURM's numbers for what is known to be submitted.
    private func knownJobs() throws(StoreError) -> Set<SlurmJobID> {
        Set(try store.sbatchCalls(of: job.id).compactMap(\.slurmJobID).map(SlurmJobID.init))
    }

    /// Looks for the job of an `sbatch` call by the job's name: in the queue, among the agents that have come, and in
    /// SLURM's accounting.
    private func fate(of call: SbatchCall) async throws(StoreError) -> Fate {
        let known = try knownJobs()
        let agents = try store.agents(of: job.id).compactMap { $0.slurm.arrayJob ?? $0.slurm.job }.map(SlurmJobID.init)
        var numbers = Set(agents)
        do throws(SlurmError) {
            numbers.formUnion(try await slurm.queue(named: job.token, scripts: job.folder.scripts).map(\.arrayJob))
            if numbers.subtracting(known).isEmpty {
                numbers.formUnion(try await slurm.accounted(named: job.token))
            }
        } catch {
            return .unclear("whether SLURM has taken the agents of job \(job.id) is not known yet: \(error)")
        }
        if let number = numbers.subtracting(known).min(by: { $0.rawValue < $1.rawValue }) { return .taken(number) }
        // Without a moment of its beginning it is sure to have ended.
        guard let begun = call.begun else { return .lost }
        let isHere = call.host == AgentIdentity.thisHost
        if isHere, Self.isBeingSubmitted(job.folder.script(named: call.script)) {
            return .unclear("an sbatch for job \(job.id) is still running")
        }
        let rest = (isHere ? Self.settling.here : Self.settling.elsewhere) - (Timestamp.now() - begun)
        // A clock that was turned back must not make anybody wait for hours.
        guard rest > .zero, rest <= Self.settling.elsewhere else { return .lost }
        guard isHere else {
            let fact = call.host.isEmpty ? "got no answer" : "from \(call.host) was interrupted"
            return .unclear(
                "the submission of job \(job.id) \(fact); if SLURM doesn't show it within \(StatusText.time(rest)), "
                    + "the next command submits it again")
        }
        do { try await Task.sleep(for: rest) } catch { return .unclear("interrupted") }
        return try await fate(of: call)
    }

    /// Whether an `sbatch` on this machine is running a script.
    private static func isBeingSubmitted(_ script: String) -> Bool {
        // What can't be seen may be working: submitting twice is worse than waiting.
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: "/proc") else { return true }
        return entries.lazy.compactMap { pid_t($0) }.contains { pid in
            let words = ProcessCheck.commandLine(of: pid)
            return words.contains(script) && words.contains("--parsable")
        }
    }

    /// Replaces a call of sbatch by two of half the agents.
    private func split(_ call: SbatchCall) throws {
        let count = try store.sbatchCalls(of: job.id).count
        let halves = [call.agents - call.agents / 2, call.agents / 2].enumerated().map { index, agents in
            (script: JobFolder.script(count + index + 1), agents: agents)
        }
        for half in halves { try write(half.script, agents: half.agents, options: options(of: call)) }
        try store.addSbatchCalls(halves, to: job.id, options: call.options, replacing: call)
    }

    private func options(of call: SbatchCall) -> JobOptions { call.options ?? job.options }

    /// Writes a batch script into the job's folder.
    package func write(_ name: String, agents: Int, options: JobOptions) throws {
        let layout = job.folder
        var script = try Self.script(
            for: job.id, named: job.token, agentCount: agents, options: options, in: workingFolder, layout: layout,
            cache: cache)
        script.command += options.workerArguments(besides: job.options)
        try storing { () throws(FileError) in
            try DurableFile.createFolder(layout.logs)
            try DurableFile.write(script.text, to: layout.script(named: name))
        }
    }
}
