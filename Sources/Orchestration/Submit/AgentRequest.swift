import Experiments
import Slurm
package import Store

/// How many agents, and what they get.
package struct AgentRequest: Equatable {
    package private(set) var agentCount: Int
    package var options: JobOptions
    /// Whether nobody has said how many cores an agent gets, so they follow from its slots and threads.
    private let coresFollow: Bool

    package init(agentCount: Int, options: JobOptions, coresFollow: Bool = false) {
        self.agentCount = agentCount
        self.options = options
        self.coresFollow = coresFollow
    }

    /// Leaves out slots that no run would ever come into.
    ///
    /// - Parameter runs: The runs there are.
    /// - Returns: A message, if some were left out.
    package mutating func limitSlots(to runs: Int) -> String? {
        let useful = max(1, runs)
        guard case .count(let slots) = options.slots, slots > useful else { return nil }
        options.slots = .count(useful)
        if coresFollow, options.resources["cpus-per-task"] != nil {
            options.resources["cpus-per-task"] = String(useful * (options.threads ?? 1))
        }
        return "--slots is \(slots), but there \(useful == 1 ? "is" : "are") \(plural(useful, "run")): each agent gets "
            + plural(useful, "slot")
    }

    /// Leaves out agents that would find nothing to do.
    ///
    /// - Parameter runs: The runs there are.
    /// - Returns: A message, if some were left out.
    package mutating func limit(to runs: Int) -> String? {
        let useful = options.agentsOfUse(for: runs)
        guard agentCount > useful else { return nil }
        defer { agentCount = useful }
        var reason = plural(runs, "run")
        if case .count(let slots) = options.slots, slots > 1 { reason += ", \(slots) at once on each" }
        return "\(agentCount) agents are too many: \(plural(useful, "agent")) for \(reason)"
    }

    /// What is wrong with a run's number of threads.
    ///
    /// - Parameter executor: Who starts the agents.
    /// - Returns: A warning, if there is something to warn of.
    /// - Throws: If the number cannot be meant.
    package func checkThreads(_ executor: ExecutorKind) throws(Failure) -> String? {
        guard let threads = options.threads else { return nil }
        guard threads <= Self.threadsEver else {
            throw .badInput("--threads is \(threads); a run takes \(Self.threadsEver) threads at most")
        }
        let cores: Int
        let place: String
        switch executor {
        case .local: (cores, place) = (LocalAgents.cores, "this machine")
        case .slurm:
            (cores, place) = (options.resources["cpus-per-task"].flatMap { Int($0) } ?? threads, "an agent")
        }
        guard threads > cores else { return nil }
        let most = max(Self.threadsAtMost, cores)
        let fact = "--threads is \(threads), but \(place) has \(plural(cores, "core"))"
        guard executor == .slurm || threads <= most else {
            throw .badInput(fact + ": a run takes \(most) threads at most here")
        }
        return fact + "; runs are slower with more threads than cores"
    }

    /// As many as the worker's kernels know how to lead.
    private static let threadsEver = 255
    /// More than that a small machine may refuse to start.
    private static let threadsAtMost = 64
}
