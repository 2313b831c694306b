import Foundation
import Glibc
import Slurm
import Store
import Testing

extension Reliability {
    /// What happens to agents on a real cluster of three nodes that forgets ended jobs after two seconds.
    @Suite(.serialized, .slurmWanted, .slurm("--nodes", "3", "--cpus", "2", "--set", "MinJobAge=2"))
    struct SlurmFaultTests {
        private let cluster: Cluster
        private var bench: Workbench { cluster.bench }

        init() throws {
            cluster = try #require(Cluster.current)
            _ = try bench.writeProgram(
                "exec \(Workbench.products)/worker \"$@\" --lease 4 --checkpoint-every 1", to: "worker")
            _ = try bench.write(TrainingEndToEndTests.experiment(steps: 100), to: "small.yaml")
            _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        }

        @Test func aCancelledTaskARequeuedOneAndANodeThatGoesDownCostNoRun() async throws {
            let (store, job) = try await submit(seeds: 6, steps: 30_000, agents: 4)
            try await eventually(within: .seconds(180)) { try working(in: store, job).count == 4 }
            let tasks = try working(in: store, job)
            let array = try #require(tasks.first?.slurm.arrayJob)
            func task(_ index: Int) -> String { "\(array)_\(tasks[index].slurm.arrayTask ?? 0)" }
            let node = try await cluster.slurm("squeue", "-h", "-j", task(2), "-o", "%N")
                .trimmingCharacters(in: .whitespacesAndNewlines)

            try await cluster.slurm("scancel", task(0))
            try await cluster.slurm("scontrol", "requeue", task(1))
            try await cluster.slurm("scontrol", "update", "nodename=\(node)", "state=down", "reason=test")
            try await eventually(within: .seconds(300)) { try store.openWork(of: job).isNone }

            let runs = try store.snapshot(of: job).runs
            #expect(runs.allSatisfy { $0.status == .done })
            let attempts = try runs.map { try store.attempts(at: $0.id) }
            #expect(attempts.allSatisfy { $0.filter { $0.outcome == .done }.count == 1 && $0.last?.outcome == .done })
            let given = attempts.joined().filter { $0.outcome == .released || $0.outcome == .lost }
            #expect(given.count >= 3, "the cancelled, the requeued and the lost agent each gave one up")
            try expectSameRows(as: 30_000, runs)
        }

        @Test func aJobWhoseAgentsWereKilledAndForgottenIsTakenUpAgain() async throws {
            let (store, job) = try await submit(seeds: 2, steps: 30_000, agents: 2)
            try await eventually(within: .seconds(180)) { try working(in: store, job).count == 2 }
            for agent in try working(in: store, job) { kill(try #require(agent.pid), SIGKILL) }
            let token = try store.job(job).token
            try await eventually(within: .seconds(60)) {
                try await cluster.slurm("squeue", "-h", "-t", "all", "-n", token).isEmpty
            }

            let answer = try await bench.orchestrator(["resume", "\(job)", "--watch"])

            #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
            for run in try store.snapshot(of: job).runs {
                #expect(try store.attempts(at: run.id).map(\.outcome) == [.lost, .done])
            }
        }

        @Test func twoUsersJobsSideBySideLeaveEachOtherAlone() async throws {
            // Ours go on until they are cancelled, theirs take seconds.
            let (store, job) = try await submit(seeds: 2, steps: 30_000_000, agents: 1)
            _ = try bench.write("small:\n  steps: {values: [20000]}\n  seed: {values: [0, 1]}\n", to: "sweep.yaml")
            let other = try OtherUser(bench)
            let theirs = try await other.orchestrator(
                ["submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "slurm"])
            #expect(theirs.code == 0, "\(theirs.error)")

            // Both are job 1 or so of their states, and have batch jobs in one queue.
            #expect(try await bench.orchestrator(["cancel", "\(job)"]).code == 0)
            let watch = try await other.orchestrator(["status", "1", "--watch"])
            #expect(watch.code == 0, "\(watch.error)\n\(watch.output)")
            #expect(try store.snapshot(of: job).counts[.cancelled] == 2)
        }

        private func submit(seeds: Int, steps: Int, agents: Int) async throws -> (Store, JobID) {
            let seeds = (0..<seeds).map(String.init).joined(separator: ", ")
            _ = try bench.write(
                "small:\n  steps: {values: [\(steps)]}\n  seed: {values: [\(seeds)]}\n", to: "sweep.yaml")
            let answer = try await bench.orchestrator(
                [
                    "submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "slurm",
                    "--n-agents", String(agents),
                ], adding: ["SPD_WORKER": bench.path + "/worker"])
            try #require(answer.code == 0, "\(answer.error)")
            let store = try Store(CacheFolder(path: bench.cache))
            return (store, try #require(try store.jobs().last).job.id)
        }

        /// The agents that hold a run which has come some way.
        private func working(in store: Store, _ job: JobID) throws -> [Agent] {
            let busy = Set(
                try store.snapshot(of: job).runs
                    .filter { $0.status == .running && $0.progress.step > 0 }.compactMap(\.agent))
            return try store.agents(of: job).filter { busy.contains($0.id) }
        }

        private func expectSameRows(as steps: Int, _ runs: [Run]) throws {
            for run in runs {
                let rows = try String(contentsOfFile: run.folder.metrics, encoding: .utf8)
                    .split(separator: "\n")
                #expect(rows.count == steps / 100 + 1, "\(run.id)")
            }
        }
    }
}

/// Somebody else on the same cluster, with a state of their own: another Unix user where the tests run as root.
private struct OtherUser {
    private let bench: Workbench
    private let folder: String

    init(_ bench: Workbench) throws {
        self.bench = bench
        folder = bench.path + "/other"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // The package may lie where nobody else can look.
        for program in ["orchestrator", "worker"] {
            try FileManager.default.copyItem(
                atPath: Workbench.products + "/" + program, toPath: folder + "/" + program)
        }
        for file in ["small.yaml", "small_target.yaml", "sweep.yaml"]
        where FileManager.default.fileExists(atPath: bench.path + "/" + file) {
            try FileManager.default.copyItem(atPath: bench.path + "/" + file, toPath: folder + "/" + file)
        }
        if geteuid() == 0 {
            let all = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
            for name in [""] + all.map({ "/" + $0 }) { chown(folder + name, 65534, 65534) }
        }
    }

    func orchestrator(_ arguments: [String]) async throws -> Workbench.Answer {
        let command =
            [
                "-C", folder, "SPD_CACHE_DIR=\(folder)/cache", "HOME=\(folder)", "SPD_WORKER=\(folder)/worker",
                folder + "/orchestrator",
            ] + arguments
        guard geteuid() == 0 else { return try await bench.run("/usr/bin/env", command) }
        return try await bench.run(
            "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/env"] + command)
    }
}
