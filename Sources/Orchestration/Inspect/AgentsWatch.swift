import Foundation
package import Jobs
package import Layout
package import Slurm
package import Store

/// Whether anybody still works on a job, as far as can be known from here.
package struct AgentsWatch {
    package let queue: QueueCache
    package let slurm: SlurmCommands
    package let store: Store

    package init(cache: CacheFolder, slurm: SlurmCommands, store: Store) {
        self.init(queue: QueueCache(cache: cache, slurm: slurm), slurm: slurm, store: store)
    }

    package init(queue: QueueCache, slurm: SlurmCommands, store: Store) {
        self.queue = queue
        self.slurm = slurm
        self.store = store
    }

    /// The verdicts on a job's agents.
    package struct Outlook: Equatable {
        /// By agent, in their order.
        package var verdicts: [AgentVerdict]
        /// Notes on agents that wait in SLURM's queue or that SLURM has ended.
        package var notes: [String] = []
        /// Why nobody works on the job any more, though specs are left.
        package var reasonOfEnd: String?
        /// The agents that ended badly according to SLURM, as far as that still matters.
        package var endings: [SlurmEnding] = []
        /// What SLURM says about waiting agents in its queue; also among the notes.
        package var waiting: [String] = []
        /// Whether an obstacle keeps all runs that are left from going on; which one is among the notes.
        package var isHindered = false

        /// Whether nobody works on the job any more, and nobody knows why.
        package var isUnexplained: Bool { reasonOfEnd != nil && endings.isEmpty }

        /// Whether agents are working, so the work's pace says when it will be done.
        package var isAtWork: Bool {
            reasonOfEnd == nil && !isHindered
                && (!verdicts.contains(where: \.isSuspended) || !verdicts.allSatisfy(\.standsStill))
        }

        /// The agents whose runs are known not to get any further now.
        package func agentsAtRest(of snapshot: JobSnapshot) -> Set<AgentID?> {
            Set(zip(snapshot.agents, verdicts).filter { isHindered || $1.standsStill }.map(\.0.id))
        }
    }

    /// Takes a look at a job and its agents; what SLURM says about agents that are gone is recorded first.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - limit: How many of its runs are looked at.
    ///   - numbers: Which of their losses and metrics are looked at.
    ///   - refresh: Whether the user wants SLURM to be asked whatever is known.
    ///   - asksAccounts: Whether SLURM's accounting is asked for the ends of agents that its queue has forgotten.
    /// - Returns: The job, and what is thought of its agents.
    /// - Throws: What keeps the state file from being read.
    package func look(
        at id: JobID, runsAtMost limit: Int = .max, numbers: WantedNumbers = .all, refresh: Bool = false,
        asksAccounts: Bool = false
    ) async throws -> (JobSnapshot, Outlook) {
        let snapshot = try store.snapshot(of: id, runsAtMost: limit, numbers: numbers)
        var outlook = await outlook(of: snapshot, refresh: refresh)
        if asksAccounts, outlook.isUnexplained, snapshot.job.executor == .slurm {
            await explain(&outlook, of: snapshot)
        }
        guard snapshot.job.executor == .slurm, !store.isReadOnly, outlook.verdicts.contains(where: \.isGone) else {
            return (snapshot, outlook)
        }
        let told: [String]
        do {
            let lost = LostAgents(store: store, job: snapshot.job, queue: queue, slurm: slurm)
            told = try await lost.recover()
            guard !told.isEmpty else { return (snapshot, outlook) }
        } catch {
            // What can't be repaired now can still be shown.
            return (snapshot, outlook)
        }
        let present = try store.snapshot(of: id, runsAtMost: limit, numbers: numbers)
        var after = await self.outlook(of: present)
        after.notes.insert(contentsOf: told, at: 0)
        return (present, after)
    }

    /// What a list says about a job's agents in SLURM, in a few words.
    package struct Remark: Equatable {
        /// Why nobody works on the job any more, though runs are left.
        package let stalled: String?
        /// What keeps runs waiting, and what SLURM says about agents that wait.
        package let waiting: [String]
        /// Why the job cannot be looked at.
        package var problem: String?
    }

    /// Notes on those of the given jobs that continue: on their agents in SLURM, and on what keeps
    /// runs waiting.
    package func remarks(on jobs: [JobSummary]) async -> [JobID: Remark] {
        var remarks: [JobID: Remark] = [:]
        for summary in jobs where summary.counts.settled < summary.counts.total {
            do {
                let hindrances = try StandstillNotes.hindrances(of: summary.job.id, in: store)
                guard summary.job.executor == .slurm else {
                    if !hindrances.isEmpty { remarks[summary.job.id] = Remark(stalled: nil, waiting: hindrances) }
                    continue
                }
                let (_, outlook) = try await look(at: summary.job.id, runsAtMost: 1)
                let words = Set(outlook.endings.map(\.words)).sorted()
                let reason = words.isEmpty ? "SLURM knows none of its agents" : words.joined(separator: "; ")
                remarks[summary.job.id] = Remark(
                    stalled: outlook.reasonOfEnd.map { _ in reason }, waiting: hindrances + outlook.waiting)
            } catch {
                let problem = "cannot be examined: \(error)"
                remarks[summary.job.id] = Remark(stalled: nil, waiting: [problem], problem: problem)
            }
        }
        return remarks
    }

    /// Looks after a job's agents; queries SLURM only if an agent is silent or has not started.
    ///
    /// - Parameters:
    ///   - snapshot: The job.
    ///   - refresh: Whether the user wants SLURM to be asked whatever is known.
    /// - Returns: What is thought of them.
    package func outlook(of snapshot: JobSnapshot, refresh: Bool = false) async -> Outlook {
        var outlook = await outlookOfAgents(of: snapshot, refresh: refresh)
        guard snapshot.counts.settled < snapshot.counts.total else { return outlook }
        let standstill = StandstillNotes(of: snapshot, in: store)
        outlook.notes = standstill.lines + outlook.notes
        outlook.isHindered =
            !standstill.hindrances.isEmpty
            && (snapshot.counts[.running] == 0 || !StoragePlace(holding: store.cache.path).exhausted.isEmpty)
        if let halted = snapshot.job.halted, outlook.reasonOfEnd != nil { outlook.reasonOfEnd = halted }
        return outlook
    }

    private func outlookOfAgents(of snapshot: JobSnapshot, refresh: Bool) async -> Outlook {
        let job = snapshot.job
        func verdicts(_ view: QueueView?) -> [AgentVerdict] {
            snapshot.agents.map { AgentVerdict($0, in: job, queue: view, at: snapshot.time) }
        }
        var outlook = Outlook(verdicts: verdicts(nil))
        let isOpen = snapshot.counts.settled < snapshot.counts.total
        guard job.executor == .slurm else {
            if isOpen, !outlook.verdicts.isEmpty, !outlook.verdicts.contains(where: \.mayWork) {
                outlook.reasonOfEnd = "every agent's process has ended"
            }
            return outlook
        }
        let submitted = snapshot.sbatchCalls.filter { $0.state == .submitted }
        let expected = submitted.reduce(0) { $0 + $1.agents }
        let isDoubtful =
            expected > snapshot.agents.count || !outlook.verdicts.contains(.working)
            || outlook.verdicts.contains { $0.reason != nil }
            || snapshot.agents.contains { $0.isQuiet(at: snapshot.time) }
        guard refresh || (isOpen && isDoubtful) else {
            guard isOpen else { return outlook }
            outlook.endings = endings(of: snapshot, now: [])
            outlook.notes = told(of: snapshot, outlook, waiting: 0)
            return outlook
        }
        // A queue from before the last submission knows nothing of it.
        let view = await queue.view(since: submitted.compactMap(\.begun).max(), refresh: refresh)
        outlook.verdicts = verdicts(view)
        guard let view else { return outlook }
        if let problem = view.problem { outlook.notes.append("SLURM: \(problem)") }
        let entries = view.entries(of: job)
        let waiting = entries.filter { !$0.state.isFinal }
        outlook.waiting =
            Self.waiting(waiting) + Self.halted(waiting.filter { !snapshot.spoken.contains($0.job.rawValue) })
        outlook.notes += outlook.waiting
        guard isOpen else { return outlook }
        outlook.endings = endings(of: snapshot, now: entries)
        let isHeard = outlook.verdicts.contains { $0 == .working || $0 == .starting }
        if !isHeard, waiting.isEmpty, view.problem == nil, !snapshot.sbatchCalls.contains(where: \.state.isOpen) {
            outlook.reasonOfEnd =
                outlook.endings.isEmpty
                ? wordless(entries, in: snapshot) ?? "SLURM's queue holds none of its agents"
                : outlook.endings.lines(spoken: snapshot.spoken, lookAt(job)).joined(separator: "; ")
        } else {
            outlook.notes += told(of: snapshot, outlook, waiting: waiting.count { $0.state == .pending })
        }
        return outlook
    }

    /// Asks SLURM's accounting how agents ended that the queue has forgotten.
    private func explain(_ outlook: inout Outlook, of snapshot: JobSnapshot) async {
        let entries: [QueueEntry]
        do throws(SlurmError) { entries = try await slurm.remembered(named: snapshot.job.token) } catch {
            outlook.notes.append("SLURM: \(error)")
            return
        }
        outlook.endings = endings(of: snapshot, now: entries)
        guard snapshot.job.halted == nil else { return }
        if !outlook.endings.isEmpty {
            outlook.reasonOfEnd = outlook.endings.lines(spoken: snapshot.spoken, lookAt(snapshot.job))
                .joined(separator: "; ")
        } else if let reason = wordless(entries, in: snapshot) {
            outlook.reasonOfEnd = reason
        }
    }

    /// Notes on agents that SLURM calls completed although they never reported.
    private func wordless(_ entries: [QueueEntry], in snapshot: JobSnapshot) -> String? {
        let silent = entries.filter { entry in
            entry.state.rawValue == "COMPLETED" && !snapshot.spoken.contains(entry.job.rawValue)
                && snapshot.sbatchCalls.contains { $0.slurmJobID == entry.arrayJob.rawValue }
        }
        guard let first = silent.first else { return nil }
        let log = snapshot.job.folder.log(ofSlurms: first.name)
        let names = silent.prefix(3).map(\.name).joined(separator: ", ") + (silent.count > 3 ? ", …" : "")
        return "\(plural(silent.count, "agent")) ended without a word, COMPLETED for SLURM (SLURM's \(names)); "
            + (FileManager.default.fileExists(atPath: log) ? "its log: \(log)" : "it left no log")
    }

    /// The agents that SLURM says did not end well, but for those that have said themselves why they end, or were started
    /// again since.
    private func endings(of snapshot: JobSnapshot, now entries: [QueueEntry]) -> [SlurmEnding] {
        let present = entries.compactMap { SlurmEnding($0, logsIn: snapshot.job.folder) }
        let known = Set(entries.map(\.job.rawValue))
        do { try store.note(present, of: snapshot.job.id, others: known) } catch {
            // What can't be stored can still be reported.
        }
        // SLURM's latest answer counts, even if an agent continues or has ended well after all.
        let all = snapshot.endings.filter { !known.contains($0.number) } + present
        // Earlier submissions are over; only the last one matters.
        let begun = snapshot.sbatchCalls.compactMap(\.begun).max()
        let latest = snapshot.sbatchCalls.filter { call in
            begun.flatMap { last in call.begun.map { last - $0 < .seconds(600) } } ?? true
        }.compactMap(\.slurmJobID)
        return snapshot.withoutWithdrawn(all).filter { ending in
            latest.contains(ending.arrayJob)
                && snapshot.agents.last { $0.slurm.job == ending.number }.map { $0.state != .ended || $0.isLost }
                    ?? true
        }
    }

    /// Notes on agents that are gone while others work or wait.
    private func told(of snapshot: JobSnapshot, _ outlook: Outlook, waiting: Int) -> [String] {
        let unheard = outlook.endings.filter { !snapshot.spoken.contains($0.number) }
        var lines = unheard.lines(spoken: [], lookAt(snapshot.job)).map { "ended before they said a word: " + $0 }
        let lost = snapshot.agents.filter { $0.isLost && !$0.isReplaced }
        let open = snapshot.counts.total - snapshot.counts.settled
        let missing = min(snapshot.job.agentCount, open) - outlook.verdicts.count { $0.mayWork } - waiting
        if !lost.isEmpty, missing > 0 {
            let reasons = Set(lost.compactMap(\.reason)).sorted().prefix(3).joined(separator: "; ")
            lines.append(
                "\(lost.count) of \(plural(snapshot.job.agentCount, "agent")) lost (\(reasons)); "
                    + "`orchestrator resume \(snapshot.job.id)` starts the missing ones")
        }
        return lines
    }

    /// Where to look for more about an agent's end.
    private func lookAt(_ job: Job) -> (SlurmEnding) -> String? {
        { ending in
            guard !ending.nodes.isEmpty else { return nil }
            let log = job.folder.log(ofSlurms: ending.name)
            return FileManager.default.fileExists(atPath: log) ? "its log: \(log)" : "it left no log"
        }
    }

    /// One line for each state in which agents that have not spoken yet neither wait for their turn nor run.
    private static func halted(_ entries: [QueueEntry]) -> [String] {
        let common: Set<SlurmState> = [.pending, .running, .completing, SlurmState(rawValue: "CONFIGURING")]
        let others = Dictionary(grouping: entries.filter { !common.contains($0.state) }, by: \.state)
        return others.sorted { $0.key.rawValue < $1.key.rawValue }.map { state, entries in
            let reasons = Set(entries.map(\.reason)).subtracting(["None", ""]).sorted()
            let names = entries.prefix(3).map(\.name) + (entries.count > 3 ? ["…"] : [])
            return "\(plural(entries.count, "agent")) \(entries.count == 1 ? "is" : "are") \(state) in SLURM before "
                + "\(entries.count == 1 ? "its" : "their") first word (\((reasons + names).joined(separator: ", ")))"
                + (entries[0].obstacle.map { ": \($0)" } ?? "")
        }
    }

    /// One line for each reason that agents wait for.
    private static func waiting(_ entries: [QueueEntry]) -> [String] {
        let waiting = Dictionary(grouping: entries.filter { $0.state == .pending }, by: \.reason)
        return waiting.sorted { $0.key < $1.key }.map { reason, entries in
            var line = "\(plural(entries.count, "agent")) waiting in SLURM's queue (\(reason))"
            if let obstacle = entries[0].obstacle { line += ": \(obstacle)" }
            return line
        }
    }
}

extension JobSnapshot {
    /// SLURM's numbers for the agents that have reported.
    package var spoken: Set<Int64> { Set(agents.compactMap(\.slurm.job)) }

    /// Endings but for those of agents that were cancelled before they had a node, where `scale` may have done that.
    package func withoutWithdrawn(_ endings: [SlurmEnding]) -> [SlurmEnding] {
        guard job.agentsLimit != nil else { return endings }
        let spoken = spoken
        return endings.filter {
            spoken.contains($0.number) || !$0.nodes.isEmpty || !$0.words.hasPrefix("CANCELLED")
        }
    }
}

extension AgentVerdict {
    /// Whether the agent may be working, or start to.
    package var mayWork: Bool {
        switch self {
        case .starting, .working, .suspended, .silent: true
        case .ended, .gone: false
        }
    }

    /// Whether what the agent holds is known not to get any further now.
    package var standsStill: Bool {
        switch self {
        case .suspended, .gone, .ended: true
        case .starting, .working, .silent: false
        }
    }

    package var isSuspended: Bool { if case .suspended = self { true } else { false } }

    package var isGone: Bool { if case .gone = self { true } else { false } }
}

extension Agent {
    /// Whether the agent's process has ended silently, as far as can be seen from here.
    package func isGone(in job: Job) -> Bool { AgentVerdict(self, in: job, queue: nil, at: .now()).isGone }

    /// Whether it should have reported since.
    package func isQuiet(at now: Timestamp) -> Bool {
        state == .running && heartbeat.map { now - $0 >= AgentVerdict.missedRenewals } ?? false
    }
}
