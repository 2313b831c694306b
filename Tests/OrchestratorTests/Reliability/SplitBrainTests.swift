import Foundation
import GRDB
import Glibc
import Store
import Testing

extension Reliability {
    /// An agent that stands still for longer than its lease, as on a node that was cut off, and then goes on.
    struct SplitBrainTests {
        let bench: Workbench
        private static let worker = Workbench.products + "/worker"

        init() throws {
            // Offline, so that rows for W&B are kept in the run's folder too.
            bench = try Workbench("split", adding: ["WANDB_MODE": "offline"])
            _ = try bench.write(TrainingEndToEndTests.experiment(steps: 50_000), to: "small.yaml")
            _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        }

        @Test func anAgentThatWakesUpWhenAnotherHasFinishedItsRunChangesNothing() async throws {
            try await letAnAgentSleep(otherIsStillAtWork: false)
        }

        @Test(Reliability.large) func anAgentThatWakesUpWhileAnotherIsAtItsRunChangesNothing() async throws {
            try await letAnAgentSleep(otherIsStillAtWork: true)
        }

        private func letAnAgentSleep(otherIsStillAtWork: Bool) async throws {
            let submit = ["submit", "--experiments", "small.yaml", "--project", "p", "--executor", "local"]
            let calm = try await bench.orchestrator(submit + ["--watch"], adding: ["SPD_WORKER": Self.worker])
            try #require(calm.code == 0, "\(calm.error)")
            // Nobody starts work by himself on the second job.
            let nobody = try bench.writeProgram("exit 0", to: "nobody")
            try #require(try await bench.orchestrator(submit, adding: ["SPD_WORKER": nobody]).code == 0)
            let store = try Store(CacheFolder(path: bench.cache))
            let job = JobID(rawValue: 2)
            let run = try #require(try store.snapshot(of: job).runs.first)

            let first = agent()
            try await eventually(within: .seconds(60)) { try checkpoints(of: run).count > 0 }
            let sleeper = try #require(try store.agents(of: job).last?.pid)
            try await putToSleep(sleeper)
            let second = agent()
            try await eventually(within: .seconds(60)) { try store.attempts(at: run.id).count == 2 }
            let other = try await otherIsStillAtWork ? nil : second.value
            let before = try contents(of: run)
            kill(sleeper, SIGCONT)
            let (woken, finisher) = (try await first.value, try await second.value)

            #expect(woken.code == 0 && finisher.code == 0, "\(woken.error) \(finisher.error)")
            #expect(woken.output.contains("attempt 1 of run \(run.id) has lost its lease: attempt 2 has taken over"))
            if other != nil { #expect(try contents(of: run) == before, "the woken agent has written something") }
            #expect(try store.attempts(at: run.id).map(\.outcome) == [.lost, .done])
            let reference = try #require(try store.snapshot(of: JobID(rawValue: 1)).runs.first)
            #expect(try store.run(run.id).metrics == reference.metrics)
            for name in ["metrics.jsonl", "model_50000.safetensors", "final_config.yaml"] {
                let (ours, theirs) = (run.folder.path + "/" + name, reference.folder.path + "/" + name)
                #expect(FileManager.default.contentsEqual(atPath: ours, andPath: theirs), "\(name)")
            }
            #expect(try checkpoints(of: run).isEmpty)
        }

        /// Stops a process between its transactions: within one it would keep the state file from everybody.
        private func putToSleep(_ process: pid_t) async throws {
            let file = try DatabaseQueue(path: bench.cache + "/state.sqlite")
            try await eventually {
                kill(process, SIGSTOP)
                do {
                    try await file.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE; ROLLBACK") }
                    return true
                } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                    kill(process, SIGCONT)
                    return false
                }
            }
        }

        private func agent() -> Task<Workbench.Answer, any Error> {
            Task {
                try await bench.run(
                    Self.worker, ["--job-id", "2", "--lease", "2", "--checkpoint-every", "1", "--threads", "1"])
            }
        }

        private func checkpoints(of run: Run) throws -> [String] {
            guard FileManager.default.fileExists(atPath: run.folder.path) else { return [] }
            return try FileManager.default.contentsOfDirectory(atPath: run.folder.path)
                .filter { $0.hasPrefix("checkpoint_") }
        }

        /// All files of a run but what it said, which several attempts may add to.
        private func contents(of run: Run) throws -> [String: Data] {
            let names = FileManager.default.enumerator(atPath: run.folder.path)?.allObjects as? [String] ?? []
            var contents: [String: Data] = [:]
            for name in names where name != "output.log" {
                contents[name] = FileManager.default.contents(atPath: run.folder.path + "/" + name) ?? Data()
            }
            return contents
        }
    }
}
