import Foundation
import Store
import Testing

@testable import Orchestrator

/// `scale` and `submit --after` with a real SLURM, whose agents train nothing.
@Suite(.serialized, .slurmWanted)
struct SlurmSteeringTests {
    @Test func agentsAreScaledAndJobsWaitForOthers() async throws {
        let cluster = try await Cluster(
            name: "steering", adding: ["STAND_IN_STEP_MS": "150", "SPD_WORKER": Workbench.products + "/StandInWorker"])
        do {
            try await steer(cluster)
        } catch {
            try await cluster.down()
            throw error
        }
        try await cluster.down()
    }

    private func steer(_ cluster: Cluster) async throws {
        let bench = cluster.bench
        let submit = ["submit", "--experiments", "tms_5-2", "--sweep", try bench.seeds(40), "--executor", "slurm"]
        let first = try await bench.orchestrator(submit + ["--n-agents", "2"])
        #expect(first.code == 0, "\(first.error)")
        let second = try await bench.orchestrator(submit + ["--after", "1"])
        #expect(second.code == 0, "\(second.error)")
        let store = try Store(CacheFolder(path: bench.cache))
        let (one, two) = (JobID(rawValue: 1), JobID(rawValue: 2))
        let reason = try await cluster.slurm("squeue", "-h", "-n", store.job(two).token, "-o", "%r")
        #expect(reason.contains("Dependency"), "\(reason)")
        try await eventually(within: .seconds(60)) { try store.agents(of: one).count { $0.state == .running } == 2 }

        // The cluster has four cores: of eight agents some wait, and are the first to go.
        let up = try await bench.orchestrator(["scale", "1", "8"])
        #expect(up.output == "Job 1: 6 agents started\n", "\(up.error)\(up.output)")
        try await eventually(within: .seconds(60)) { try store.agents(of: one).count { $0.state == .running } >= 4 }
        let down = try await bench.orchestrator(["scale", "1", "1"])
        #expect(down.code == 0, "\(down.error)")
        #expect(
            down.output.contains("taken out of SLURM's queue") && down.output.contains("to end after"), "\(down.output)"
        )
        try await eventually(within: .seconds(60)) {
            try store.agents(of: one).count { $0.state == .running && !$0.isLeaving } == 1
        }
        #expect(try store.snapshot(of: one).runs.allSatisfy { $0.attempt <= 1 }, "no run was disturbed")
        #expect(try store.snapshot(of: two).runs.allSatisfy { $0.attempt == 0 }, "job 2 waits")
        _ = try await bench.orchestrator(["cancel", "1"])
        try await eventually(within: .seconds(90)) { try store.openWork(of: two).running > 0 }
        _ = try await bench.orchestrator(["cancel", "2"])
    }
}
