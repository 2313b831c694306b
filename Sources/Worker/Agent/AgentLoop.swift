import Artifacts
import Foundation
import Jobs
import Runs
import Slurm
import Store
import WandB

/// An agent at work: its slots claim specs, run and settle them, until the job has none left.
struct AgentLoop: Sendable {
    /// What holds for all of an agent's runs.
    struct Options: Sendable {
        /// How many runs are trained at once.
        let slots: Int
        /// Threads per run.
        let threads: Int
        let checkpointInterval: Duration
        let lease: Duration
        let isQuiet: Bool
        let targets: TargetCache
        let tracking: WandBSettings
        /// Where runs' `offline-run-…` folders are made on request.
        let offlineFolders: String
    }

    let store: Store
    let job: Job
    let agent: AgentID
    /// The agent's number in its job, by which users know it.
    let number: Int
    let options: Options
    let slurm: SlurmCommands
    /// The time that SLURM has given, `nil` outside SLURM.
    let allocation: Allocation?
    let keeper: ClaimKeeper
    /// The comment of the agent's SLURM job, `nil` outside SLURM.
    let comment: JobComment?
    let deliveries: Deliveries
    /// Tells of failures while the job continues.
    let failures: FailureWatch
    let memory: MemoryGate

    /// Why a slot takes no more specs.
    private enum SlotEnd: Sendable {
        case nothingLeft, stopped, timeIsShort, superfluous
        /// There are to be fewer agents.
        case leaving
        /// The job hands out nothing any more because of its failures.
        case halted(String)
        /// Others hold this agent for ended.
        case superseded
        case failed(StoreError)
    }

    /// Works until no spec is left, a signal asks to stop, or the allocation's time is too short for another spec; then
    /// waits for what is still on its way to W&B.
    ///
    /// - Throws: `StoreError` if the state file is out of reach.
    func run() async throws {
        Self.say(
            "agent \(job.id).\(number): \(Self.count(options.slots, "slot")), "
                + "\(Self.count(options.threads, "thread")) per run")
        keeper.start()
        let ends = await withTaskGroup(of: SlotEnd.self) { group in
            for _ in 0..<options.slots { group.addTask { await inThread { fillSlot() } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        keeper.stop()
        failures.wait()
        // It claims nothing more: while its last rows go to a slow server, others need not count on it.
        defer { deliveries.wait() }
        for case .failed(let error) in ends {
            try sayGoodbye("\(error)")
            throw error
        }
        if try await end(ends) {
            deliveries.wait()
            try tellOfFailures()
        }
    }

    /// Reports why the agent ended, and finishes the job if nothing is left.
    ///
    /// - Returns: Whether it was this agent that saw to the job's end.
    private func end(_ ends: [SlotEnd]) async throws -> Bool {
        let superseded = try store.endOfAgent(agent).map { StoreError.agentEnded(agent, reason: $0) }
        guard try store.openWork(of: job.id).isNone else {
            try await endBefore(ends, superseded)
            return false
        }
        // From now on nobody may count on this agent for more work, however long the user's command takes.
        if superseded == nil { try sayGoodbye("no spec is left") }
        let notes = try await JobEnd(
            store: store, job: job, slurm: slurm, environment: ProcessInfo.processInfo.environment
        ).perform()
        for note in notes { Self.say(note) }
        if !notes.isEmpty { try foldSpools() }
        return !notes.isEmpty
    }

    /// Folds each spool that an agent killed at its run's end has left as a folder.
    private func foldSpools() throws(StoreError) {
        for place in try store.places(of: job.id) where place.status.isSettled {
            do throws(SpoolError) { try SpoolFiles.fold(place.folder.spool) } catch {
                Self.say("W&B: what run \(place.id) keeps stays a folder: \(error)")
            }
        }
    }

    /// Alerts those who follow the project on W&B to a job that ended with failures, in the name of one of them.
    private func tellOfFailures() throws {
        guard options.tracking.offlineReason == nil else { return }
        let snapshot = try store.snapshot(of: job.id, runsAtMost: 1)
        guard let first = snapshot.failures.first else { return }
        let causes = Dictionary(grouping: snapshot.failures) { $0.error ?? "no reason was recorded" }
            .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let text = causes.prefix(5).map { "- \($0.value.count) of them: \($0.key)" }.joined(separator: "\n")
        let problem = RunAlert.send(
            title: "\(job.token): \(snapshot.failures.count) of \(snapshot.counts.total) runs failed",
            text: text + (causes.count > 5 ? "\n- and \(causes.count - 5) other causes" : ""),
            inTheNameOf: try store.run(first.run).folder.spool, settings: options.tracking)
        if let problem { Self.say("W&B: no alert about the failures: \(problem)") }
    }

    /// Ends while others, or later agents, have work left.
    private func endBefore(_ ends: [SlotEnd], _ superseded: StoreError?) async throws {
        // Its SLURM job may be working elsewhere by now: to put that back into the queue would end it.
        if let superseded { return Self.say("ends: \(superseded)") }
        guard !ends.contains(where: { if case .superfluous = $0 { true } else { false } }) else {
            return try sayGoodbye("other agents suffice for the remaining runs")
        }
        for end in ends {
            switch end {
            case .leaving: return try sayGoodbye("the job was scaled down")
            case .halted(let reason):
                let isToTell = try isToTell()
                try sayGoodbye("the job hands out no more specs: \(reason)")
                Self.say("`orchestrator resume \(job.id)` continues anyway")
                return isToTell ? try tellTheRest() : ()
            default: continue
            }
        }
        let isTimeShort = ends.contains { if case .timeIsShort = $0 { true } else { false } }
        guard let allocation, StopRequest.kind == .timeLimit || (StopRequest.kind == nil && isTimeShort) else {
            return try sayGoodbye("stopped by a signal")
        }
        try sayGoodbye("its time is nearly over; requeued")
        // SLURM ends this process as soon as it puts the job back.
        deliveries.wait()
        do throws(SlurmError) {
            try await slurm.requeue(allocation.name)
        } catch {
            // SLURM's signal may come before its answer, and end scontrol too.
            guard StopRequest.kind != .end else { return }
            let reason = "its time is over, and SLURM did not take it back: \(error)"
            guard case .refused = error else {
                Self.say(reason + "; `orchestrator resume \(job.id)` starts more agents")
                return try sayGoodbye(reason)
            }
            let answer = try await AgentSubmission(store: store, job: job, slurm: slurm).submit(
                inPlaceOf: store.agent(agent).slurm)
            try sayGoodbye("\(reason); \(answer)")
        }
    }

    /// Stays until the user's command knows of all failures, though nothing is to be done any more.
    private func tellTheRest() throws(StoreError) {
        while !StopRequest.isMade, try failures.isToTell() {
            failures.tell()
            Self.wait(.seconds(1))
        }
        failures.wait()
    }

    private func sayGoodbye(_ reason: String) throws(StoreError) {
        Self.say("ends: \(reason)")
        try store.agentEnded(agent, reason: reason)
    }

    /// Says a line, with its moment where several agents' logs are combined later.
    static func say(_ line: String) {
        StandardStreams.write((isTerminal ? "" : Date.now.ISO8601Format() + " ") + line + "\n")
    }

    private static let isTerminal = isatty(STDOUT_FILENO) == 1

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    // MARK: - In a slot's thread

    /// Claims and runs specs, one after another.
    private func fillSlot() -> SlotEnd {
        var idleSince = ContinuousClock.now
        do {
            while !StopRequest.isMade {
                guard hasTimeForAnother else { return .timeIsShort }
                let (kept, open) = try persist { () throws(StoreError) in
                    let kept = try keeper.next()
                    return (kept, kept == nil ? try store.openWork(of: job.id) : nil)
                }
                if var kept {
                    while let next = try perform(kept) { kept = next }
                    idleSince = .now
                } else if open?.isNone ?? false {
                    guard try persist(isToTell) else { return .nothingLeft }
                    failures.tell()
                    Self.wait(.seconds(1))
                } else if let end = try ordered() {
                    return end
                } else if .now - idleSince > Self.idleAtMost, try isSuperfluous() {
                    return .superfluous
                } else {
                    // Others hold the rest; if one falls silent, its spec becomes ours.
                    Self.wait(.seconds(Double.random(in: 1.5...2.5)))
                }
            }
            return .stopped
        } catch .agentEnded {
            return .superseded
        } catch {
            return .failed(error)
        }
    }

    private var hasTimeForAnother: Bool { allocation?.hasTimeForAnother ?? true }

    /// Whether a slot whose run ends is to begin another.
    var wantsAnother: Bool { !StopRequest.isMade && hasTimeForAnother }

    /// Why an agent that finds nothing to claim should end, if so; pending failure reports keep it.
    private func ordered() throws(StoreError) -> SlotEnd? {
        failures.tell()
        return switch try persist({ () throws(StoreError) in try store.order(for: agent, of: job.id) }) {
        case .wait: nil
        case .leave: .leaving
        case .halt(let reason): .halted(reason)
        }
    }

    /// Whether this agent stays until the last failures can be reported to the user's command.
    ///
    /// It takes up what comes meanwhile. One agent is enough for that.
    private func isToTell() throws(StoreError) -> Bool {
        guard try failures.isToTell() else { return false }
        return try !store.agents(of: job.id).contains { other in
            other.id.rawValue < agent.rawValue && !other.isLeaving
                && AgentVerdict(other, in: job, queue: nil, at: .now()) == .working
        }
    }

    /// This long an agent waits for others' runs before it asks whether its node is needed.
    private static let idleAtMost = Duration.seconds(60)

    /// Whether this agent only keeps a node of SLURM's busy: it holds nothing, and another one that holds nothing
    /// either, the one with the lowest number, stays in case a holder falls silent.
    private func isSuperfluous() throws(StoreError) -> Bool {
        guard allocation != nil, keeper.isIdle else { return false }
        return try store.agents(of: job.id).contains { other in
            other.id.rawValue < agent.rawValue && other.runCount == 0
                && AgentVerdict(other, in: job, queue: nil, at: .now()) == .working
        }
    }

    /// Tries again and again while the state file is out of reach for a reason that may pass.
    func persist<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
        var hasSaid = false
        while true {
            do throws(StoreError) {
                return try body()
            } catch {
                guard error.mayPass, !StopRequest.isMade else { throw error }
                if !hasSaid { Self.say("waits: \(error)") }
                hasSaid = true
                Self.wait(.seconds(Double.random(in: 3...6)))
            }
        }
    }

    /// Waits, but not longer than until a signal.
    static func wait(_ duration: Duration) {
        let end = ContinuousClock.now + duration
        while .now < end, !StopRequest.isMade { Thread.sleep(forTimeInterval: 0.1) }
    }
}

/// Runs `body`, which may block for hours, in its own thread.
func inThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
        let thread = Thread { continuation.resume(returning: body()) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}
