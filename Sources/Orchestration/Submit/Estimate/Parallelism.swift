package import Store

/// How many runs continue at once, and on how many threads each.
package struct Parallelism: Equatable {
    package let agents: Int
    /// Runs at once on one agent's node.
    package let slots: Int
    package let threads: Int

    /// Runs at once.
    package var runs: Int { agents * slots }

    package init(agents: Int, executor: ExecutorKind, options: JobOptions) {
        self.agents = agents
        slots = if case .count(let count) = options.slots { max(1, count) } else { 1 }
        if let threads = options.threads {
            self.threads = threads
            return
        }
        switch executor {
        case .local: threads = LocalAgents.threads(forAgents: agents * slots, cores: LocalAgents.cores)
        case .slurm:
            let cores = options.resources["cpus-per-task"].flatMap { Int($0) } ?? slots
            threads = max(1, cores / slots)
        }
    }

    package init(of job: Job) {
        self.init(agents: job.agentCount, executor: job.executor, options: job.options)
    }

    /// How long runs take if they start in order, each as soon as a slot is free.
    package func wallClock(_ seconds: [Double]) -> Double {
        var ends = Array(repeating: 0.0, count: min(runs, max(1, seconds.count)))
        // Few places and many runs: the earliest end is looked for among the places.
        for run in seconds {
            guard let first = ends.indices.min(by: { ends[$0] < ends[$1] }) else { break }
            ends[first] += run
        }
        return ends.max() ?? 0
    }
}
