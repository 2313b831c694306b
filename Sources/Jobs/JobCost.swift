public import Slurm
public import Store

/// What a job's runs, agents and nodes have cost so far, from the agents' own figures and SLURM's accounts.
public struct JobCost: Sendable {
    /// Time and memory of a run, an agent, a node or a job.
    ///
    /// Times are seconds, memory is bytes.
    public struct Item: Sendable, Encodable, Equatable {
        /// How long it lasted; of several, together.
        public var wallSeconds = 0.0
        /// How long it waited to begin; of several, the mean.
        public var queueSeconds: Double?
        /// Cores times hours.
        public var coreHours = 0.0
        /// CPU time; nil if no agent has reported it.
        public var cpuSeconds: Double?
        /// The share of the cores' time that was used, from 0 to 1.
        public var cpuEfficiency: Double?
        /// The most memory that was held at once by one agent.
        public var peakMemory: Int?

        init() {}

        /// What an attempt has cost until then.
        init(_ attempt: Attempt, at time: Timestamp) {
            wallSeconds = max(0, ((attempt.ended ?? time) - attempt.started) / .seconds(1))
            coreHours = wallSeconds * (attempt.cores ?? 1) / 3600
            (cpuSeconds, peakMemory) = (attempt.cpuSeconds, attempt.peakMemory)
        }

        /// Completes what the attempts at a run have cost.
        mutating func complete(_ run: Run, of job: Job) {
            guard let started = run.started else { return }
            queueSeconds = max(0, (started - job.created) / .seconds(1))
            rate()
        }

        mutating func add(_ other: Item) {
            wallSeconds += other.wallSeconds
            coreHours += other.coreHours
            cpuSeconds = Self.sum(cpuSeconds, other.cpuSeconds)
            peakMemory = [peakMemory, other.peakMemory].compactMap(\.self).max()
        }

        mutating func rate() {
            guard let cpuSeconds, coreHours > 0 else { return }
            cpuEfficiency = cpuSeconds / (coreHours * 3600)
        }

        private static func sum(_ a: Double?, _ b: Double?) -> Double? {
            a == nil && b == nil ? nil : (a ?? 0) + (b ?? 0)
        }
    }

    /// Of each run, by name.
    public let runs: [RunID: Item]
    /// Of each agent, in their order.
    public let agents: [(agent: Agent, cost: Item)]
    /// Of each node, by name.
    public let nodes: [(name: String, cost: Item)]
    /// Of all agents together.
    public let job: Item
    /// Whether SLURM's accounts were asked and know of agents.
    public let isAccounted: Bool

    /// Sums up.
    ///
    /// - Parameters:
    ///   - snapshot: The job with all runs to report.
    ///   - attempts: Their attempts.
    ///   - accounts: What SLURM's accounts say about the job's agents.
    public init(_ snapshot: JobSnapshot, _ attempts: [Attempt], accounts: [SlurmAccount] = []) {
        var costs: [RunID: Item] = [:]
        for attempt in attempts {
            costs[attempt.run, default: Item()].add(Item(attempt, at: snapshot.time))
        }
        for run in snapshot.runs { costs[run.id]?.complete(run, of: snapshot.job) }
        runs = costs
        let known = Dictionary(accounts.map { ($0.name, $0) }) { $1 }
        isAccounted = !known.isEmpty
        let calls = Dictionary(snapshot.sbatchCalls.map { ($0.slurmJobID, $0.begun) }) { $1 }
        agents = snapshot.agents.map { agent in
            var item = Item()
            let end = agent.ended ?? (agent.isLost ? agent.heartbeat : nil) ?? snapshot.time
            item.wallSeconds = max(0, (end - agent.started) / .seconds(1))
            item.coreHours = item.wallSeconds * Double(agent.usage?.cores ?? 1) / 3600
            (item.cpuSeconds, item.peakMemory) = (agent.usage?.cpuSeconds, agent.usage?.peakMemory)
            let begun = agent.slurm.job == nil ? nil : calls[agent.slurm.arrayJob ?? agent.slurm.job] ?? nil
            item.queueSeconds = begun.map { max(0, (agent.started - $0) / .seconds(1)) }
            if let account = known[Self.name(of: agent)] {
                // SLURM counts from the allocation's begin to its end, whatever the agent knows of it.
                item.wallSeconds = account.elapsedSeconds
                item.coreHours = account.elapsedSeconds * Double(account.cpus) / 3600
                if account.cpuSeconds > 0 { item.cpuSeconds = account.cpuSeconds }
                item.queueSeconds = account.queueSeconds ?? item.queueSeconds
                item.peakMemory = [item.peakMemory, account.peakMemory].compactMap(\.self).max()
            }
            item.rate()
            return (agent, item)
        }
        nodes = Dictionary(grouping: agents) { $0.agent.host ?? "?" }.sorted { $0.key < $1.key }.map {
            ($0.key, Self.total($0.value.map(\.cost)))
        }
        job = Self.total(agents.map(\.cost))
    }

    /// What a run has cost.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - attempts: All attempts at it.
    ///   - job: The run's job.
    ///   - time: Until when.
    /// - Returns: The cost; nil if the run was never begun.
    public static func cost(of run: Run, _ attempts: [Attempt], in job: Job, at time: Timestamp) -> Item? {
        guard !attempts.isEmpty else { return nil }
        var item = Item()
        for attempt in attempts { item.add(Item(attempt, at: time)) }
        item.complete(run, of: job)
        return item
    }

    private static func total(_ items: [Item]) -> Item {
        var total = Item()
        for item in items { total.add(item) }
        let waits = items.compactMap(\.queueSeconds)
        total.queueSeconds = waits.isEmpty ? nil : waits.reduce(0, +) / Double(waits.count)
        total.rate()
        return total
    }

    private static func name(of agent: Agent) -> String {
        if let array = agent.slurm.arrayJob, let task = agent.slurm.arrayTask { return "\(array)_\(task)" }
        return agent.slurm.job.map(String.init) ?? ""
    }
}
