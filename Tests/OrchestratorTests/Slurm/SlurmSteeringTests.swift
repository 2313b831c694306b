import Foundation
import Store
import Testing

@testable import Orchestrator

/// `scale`, `hold`, `add`, `--after` and `--cost` with a real SLURM.
@Suite(.serialized, .slurmWanted)
struct SlurmSteeringTests {
    private let one = JobID(rawValue: 1)
    private let two = JobID(rawValue: 2)

    /// Brings up a cluster whose agents train nothing, and takes it down whatever happens.
    private func withCluster(_ options: [String] = [], _ body: (Cluster) async throws -> Void) async throws {
        let cluster = try await Cluster(
            name: "steering", options: ["--nodes", "2", "--cpus", "2"] + options,
            adding: ["STAND_IN_STEP_MS": "1000", "SPD_WORKER": Workbench.products + "/StandInWorker"])
        do {
            try await body(cluster)
        } catch {
            try await cluster.down()
            throw error
        }
        try await cluster.down()
    }

    @Test func agentsAreScaledAndJobsWaitForOthers() async throws {
        try await withCluster { try await steer($0) }
    }

    @Test func onlyTheSurplusIsTakenOutOfTheQueue() async throws {
        try await withCluster { cluster in
            let bench = cluster.bench
            _ = try await cluster.slurm("scontrol", "update", "nodename=n[1-2]", "state=drain", "reason=test")
            let submit = ["submit", "--experiments", "tms_5-2", "--sweep", try bench.seeds(12), "--executor", "slurm"]
            let answer = try await bench.orchestrator(submit + ["--n-agents", "4"])
            #expect(answer.code == 0, "\(answer.error)")
            let token = try Store(CacheFolder(path: bench.cache)).job(one).token
            func waiting() async throws -> Int {
                try await cluster.slurm("squeue", "-h", "-r", "-t", "PENDING", "-n", token, "-o", "%i")
                    .split(separator: "\n").count
            }
            #expect(try await waiting() == 4)
            let down = try await bench.orchestrator(["scale", "1", "2"])
            #expect(down.output == "Job 1: 2 agents taken out of SLURM's queue\n", "\(down.error)\(down.output)")
            #expect(try await waiting() == 2)
            _ = try await bench.orchestrator(["cancel", "1"])
        }
    }

    @Test(Reliability.large) func aHeldJobGrowsGoesOnAndIsAccountedFor() async throws {
        try await withCluster(["--accounting"]) { try await growAndAccount($0) }
    }

    private func steer(_ cluster: Cluster) async throws {
        let bench = cluster.bench
        let submit = ["submit", "--experiments", "tms_5-2", "--sweep", try bench.seeds(40), "--executor", "slurm"]
        let first = try await bench.orchestrator(submit + ["--n-agents", "2"])
        #expect(first.code == 0, "\(first.error)")
        let second = try await bench.orchestrator(submit + ["--after", "1"])
        #expect(second.code == 0, "\(second.error)")
        let store = try Store(CacheFolder(path: bench.cache))
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

    /// Real agents, for what they use of the machine.
    private func growAndAccount(_ cluster: Cluster) async throws {
        let bench = cluster.bench
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 10_000), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        let sweep = try bench.write("small:\n  seed:\n    values: [0, 1, 2, 3, 4]\n", to: "sweep.yaml")
        let submit = ["submit", "--experiments", "small.yaml", "--executor", "slurm"]
        for arguments in [["--sweep", sweep, "--n-agents", "2"], ["--after", "1"]] {
            let answer = try await bench.orchestrator(submit + arguments, adding: TrainingEndToEndTests.realWorker)
            #expect(answer.code == 0, "\(answer.error)")
        }
        let store = try Store(CacheFolder(path: bench.cache))
        try await eventually(within: .seconds(60)) { try store.openWork(of: one).running == 2 }
        #expect(try await bench.orchestrator(["hold", "1"]).code == 0)
        let add = try await bench.orchestrator(["add", "1", "--experiments", "small.yaml", "--set", "seed=10"])
        #expect(
            add.output.hasPrefix("Job 1: 1 spec added\nIt is held: `orchestrator release 1`"),
            "\(add.output)\(add.error)")
        try await eventually(within: .seconds(60)) { try store.openWork(of: one).running == 0 }
        let up = try await bench.orchestrator(["scale", "1", "3"])
        #expect(up.output == "Job 1: 1 agent started\n", "\(up.output)\(up.error)")
        try await eventually(within: .seconds(60)) { try store.agents(of: one).count { $0.state == .running } == 3 }
        #expect(
            try store.snapshot(of: one).runs.map(\.attempt) == [1, 1, 0, 0, 0, 0], "nobody begins a held job's run")
        #expect(try await bench.orchestrator(["release", "1"]).code == 0)

        let last = try await bench.orchestrator(["status", "2", "--watch"])
        #expect(last.code == 0, "\(last.error)")
        let runs = try store.snapshot(of: one).runs
        #expect(runs.count == 6 && runs.allSatisfy { $0.status == .done && $0.attempt == 1 })
        let ends = runs.compactMap(\.ended)
        let start = try #require(try store.snapshot(of: two).runs.first?.started)
        #expect(ends.count == 6 && ends.allSatisfy { $0 < start }, "job 2 has waited for all of job 1")
        try await accountFor(runs.count, bench)
    }

    private func accountFor(_ runs: Int, _ bench: Workbench) async throws {
        struct Report: Decodable {
            struct Item: Decodable { let wall_seconds, core_hours: Double, cpu_seconds: Double?, peak_memory: Int? }
            struct Named: Decodable { let name: String, cost: Item }
            let cost: Item, is_accounted: Bool, nodes: [Named], agents: [Named], runs: [Named], problem: String?
        }
        // The agents' accounts are closed once SLURM has seen them end.
        var report: Report?
        try await eventually(within: .seconds(60)) {
            let answer = try await bench.orchestrator(["status", "1", "--cost", "--json"])
            report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
            return report?.agents.count == 3 && report?.agents.allSatisfy { $0.cost.cpu_seconds ?? 0 > 0.1 } == true
        }
        let found = try #require(report)
        #expect(found.is_accounted && found.problem == nil && found.runs.count == runs && found.nodes.count == 2)
        #expect(found.agents.allSatisfy { $0.cost.peak_memory ?? 0 > 1 << 20 })
        let hours = found.agents.reduce(0) { $0 + $1.cost.core_hours }
        #expect(hours > 0 && abs(hours - found.cost.core_hours) < 1e-9, "the job costs what its agents cost")
    }
}
