public import ArgumentParser
import Artifacts
import Experiments
import Foundation
import Runs
public import Store

/// How an agent shares its cores among runs.
struct SlotPlan {
    /// How many runs are trained at once.
    let slots: Int
    /// Threads per run.
    let threads: Int

    /// Fills in what was not asked for; `auto` is measured on the job's next spec.
    ///
    /// Few runs get many threads each: `auto` chooses what this agent's share of the runs is through with first.
    ///
    /// - Throws: `RunError` for a spec that can't be run.
    init(
        slots: JobOptions.Slots, threads: Int?, environment: [String: String], store: Store, job: JobID,
        targets: TargetCache
    ) throws {
        let cores = Self.cores(environment)
        switch slots {
        case .count(let count):
            self.slots = count
            self.threads = threads ?? max(1, cores / count)
        case .auto:
            guard let spec = try store.nextSpec(of: job) else {
                (self.slots, self.threads) = (1, threads ?? cores)
                return
            }
            let measurement: SlotMeasurement
            do {
                let stored = try StoredSpec(spec)
                measurement = try SlotMeasurement(
                    config: stored.config, target: stored.target, copy: spec.targetFiles, cache: targets)
            } catch RunError.invalid(let reason) {
                // That run will fail on its own; the others should still be trained.
                AgentLoop.say("cannot benchmark with run \(spec.run): \(reason)")
                (self.slots, self.threads) = (1, threads ?? cores)
                return
            }
            let runs = try store.waitingRunsPerAgent(of: job)
            let trials = try measurement.trials(
                cores: cores, runs: runs, threads: threads,
                megabytes: MemoryLimit.tightest(environment: environment).map { Double($0.total) / 0x1p20 },
                goesOn: { !StopRequest.isMade })
            for trial in trials { AgentLoop.say("\(trial)") }
            let best = SlotMeasurement.best(of: trials, runs: runs)
            (self.slots, self.threads) = best.map { ($0.slots, $0.threads) } ?? (1, threads ?? cores)
        }
    }

    /// The cores that an agent's runs share: those its launcher gave it, SLURM's, or all.
    static func cores(_ environment: [String: String]) -> Int {
        let named = ["SPD_AGENT_CORES", "SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"].lazy.compactMap {
            environment[$0].flatMap(Int.init)
        }
        return max(1, named.first ?? ProcessInfo.processInfo.activeProcessorCount)
    }
}

extension JobOptions.Slots: ExpressibleByArgument {
    /// Reads the value of `--slots`.
    public init?(argument: String) { self.init(text: argument) }
}
