import Artifacts
import Layout
public import Slurm
public import Store

/// Submits one more agent of a job, where the site does not let SLURM put one back into its queue.
public struct AgentSubmission: Sendable {
    private let store: Store
    private let job: Job
    private let slurm: SlurmCommands

    /// The most submissions for each of a job's agents: whatever ends them may end them all.
    private static let callsPerAgent = 20

    /// Submits agents of `job`.
    public init(store: Store, job: Job, slurm: SlurmCommands) {
        self.store = store
        self.job = job
        self.slurm = slurm
    }

    /// Submits an agent with another one's resources, as a separate batch job.
    ///
    /// The call is recorded before it is made, as all of them are, so nothing is submitted twice.
    ///
    /// - Parameter place: What SLURM calls the agent in whose place it comes.
    /// - Returns: Messages for the user.
    /// - Throws: `StoreError`.
    public func submit(inPlaceOf place: SlurmPlace) async throws(StoreError) -> String {
        let lock: FileLock?
        do throws(FileError) { lock = try FileLock(path: job.folder.launchLock) } catch {
            return "none is submitted in its place: \(error)"
        }
        guard let lock else { return "another process is starting agents at this moment" }
        defer { lock.release() }
        let calls = try store.sbatchCalls(of: job.id)
        guard calls.count < Self.callsPerAgent * max(1, job.agentCount) else {
            return "none is submitted in its place after \(calls.count) submissions; "
                + "`orchestrator resume \(job.id)` does"
        }
        let number = place.arrayJob ?? place.job
        guard let model = calls.last(where: { $0.slurmJobID == number }) ?? calls.first else {
            return "none is submitted in its place: no batch script of the job is known"
        }
        let name = JobFolder.script(calls.count + 1)
        do throws(FileError) {
            let script = try DurableFile.read(job.folder.script(named: model.script), limit: 1 << 20)
            let single = BatchScript.single(String(decoding: script, as: UTF8.self))
            try DurableFile.write(single, to: job.folder.script(named: name))
        } catch {
            return "none is submitted in its place: \(error)"
        }
        try store.addSbatchCalls([(name, 1)], to: job.id, options: model.options)
        guard let call = try store.sbatchCalls(of: job.id).last(where: { $0.script == name && $0.state == .planned })
        else { return "another process has submitted it" }
        try store.begin(call)
        let taken: SlurmJobID
        do throws(SlurmError) {
            taken = try await slurm.submit(
                scriptAt: job.folder.script(named: name), arguments: (model.options ?? job.options).sbatchArguments,
                name: job.token, besides: Set(calls.compactMap(\.slurmJobID).map(SlurmJobID.init)))
        } catch {
            guard case .uncertain(_, _, let mayCome) = error else {
                try store.refuse(call)
                return "none is submitted in its place: \(error)"
            }
            try store.noteUnclear(call, mayCome: mayCome)
            return "whether one is submitted in its place is not known yet (\(error)); the next command looks again"
        }
        try store.settle(call, as: taken.rawValue)
        return "a new one is submitted in its place (SLURM's \(taken))"
    }
}
