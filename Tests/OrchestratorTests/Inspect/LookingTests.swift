import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

struct LookingTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench()
        _ = try bench.write(sixSpecs, to: "sweeps/sweep_params.yaml")
    }

    @Test func aRunIsShownWithItsConfigAttemptsAndFiles() async throws {
        _ = try await bench.orchestrator(
            SubmitTests.sweep + ["--watch"], adding: ["STAND_IN_FAIL": "3", "STAND_IN_STEP_MS": "1"])
        let runs = try await bench.status(of: 1).runs
        let done = try await bench.orchestrator(["show", runs[0].run])
        #expect(done.code == 0, "\(done.error)")
        for text in [
            "Run \(runs[0].run) (job 1, tms_5-2): done", "Settings: seed=0 lr=0.001", "mmcs: 0.999",
            "final_config.yaml", "n_mask_samples: 1", "1.1",
        ] {
            #expect(done.output.contains(text), "\(text)")
        }
        let failed = try await bench.orchestrator(["show", runs[3].run])
        #expect(failed.output.contains("Error: the loss is not a number at step 100"))

        let json = try await bench.orchestrator(["show", runs[3].run, "--json"])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(Set(object.keys) == ["attempts", "config", "files", "is_unsent", "job", "run"])
        let config = try #require(object["config"] as? [String: Any])
        #expect(config["C"] as? Int == 20, "keys keep their names")
        #expect((config["task_config"] as? [String: Any])?["feature_probability"] as? Double == 0.05)
        let attempt = try #require((object["attempts"] as? [[String: Any]])?.first)
        #expect(attempt["outcome"] as? String == "failed")
        #expect(attempt["host"] as? String == AgentIdentity.thisHost)
    }

    @Test func logsOfRunsAndAgentsArePrinted() async throws {
        _ = try await bench.orchestrator(SubmitTests.sweep + ["--watch"])
        let agent = try await bench.orchestrator(["logs", "1.1"])
        #expect(agent.output.hasPrefix("agent 1 of job 1 in "))
        #expect(try await bench.orchestrator(["logs", "1.1", "-f"]).output == agent.output)
        let run = try await bench.status(of: 1).runs[0]
        #expect(try await bench.orchestrator(["logs", run.run]).error.contains("is over, and "))
        try Data("one\ntwo\n".utf8).write(to: URL(filePath: run.folder + "/output.log"))
        #expect(try await bench.orchestrator(["logs", run.run]).output == "one\ntwo\n")
        let wrong = try await bench.orchestrator(["logs", "1.9"])
        #expect(wrong.code == 2)
        #expect(wrong.error == "orchestrator: there is no agent 1.9; job 1 has 1.1\n")
    }

    /// Follows a log; what is shown and said so far lies in files of these names.
    private func follow(_ name: String) -> Task<Workbench.Answer, any Error> {
        Task { [bench] in
            try await bench.run(
                "/bin/sh",
                ["-c", "exec \"$0\" \"$@\" >shown 2>said", Workbench.products + "/orchestrator", "logs", "-f", name])
        }
    }

    private func text(_ file: String) -> String? {
        FileManager.default.contents(atPath: bench.path + "/" + file).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aLogIsFollowedUntilItsRunIsSettled() async throws {
        _ = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2"], adding: ["SPD_WORKER": "/bin/true"])
        let store = try Store(CacheFolder(path: bench.cache))
        let job = JobID(rawValue: 1)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(600)))
        let follower = follow(claim.run.rawValue)
        try FileManager.default.createDirectory(atPath: claim.folder.path, withIntermediateDirectories: true)
        try Data("first\n".utf8).write(to: URL(filePath: claim.folder.log))
        let log = try FileHandle(forWritingTo: URL(filePath: claim.folder.log))
        try await eventually { text("shown") == "first\n" }
        try log.seekToEnd()
        try log.write(contentsOf: Data("last\n".utf8))
        try store.complete(claim, metrics: [:])
        #expect(try await follower.value.code == 0)
        #expect(text("shown") == "first\nlast\n")
    }

    @Test func anAgentIsWaitedForBeforeItsLogIsFollowed() async throws {
        let store = try Store(CacheFolder(path: bench.cache))
        let folder = bench.cache + "/jobs/1"
        let job = try store.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .slurm, agentCount: 1),
            specs: [NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 100)]
        ) { _ in }.id
        #expect(try await bench.orchestrator(["logs", "1.2", "-f"]).error.contains("has started yet"))
        let follower = follow("1.1")
        let waiting = "1.1 has not started yet; waits for it\n"
        try await eventually { text("said") == waiting }
        try FileManager.default.createDirectory(atPath: folder + "/logs", withIntermediateDirectories: true)
        try Data("hello\n".utf8).write(to: URL(filePath: folder + "/logs/12.log"))
        let agent = try store.registerAgent(AgentIdentity(environment: ["SLURM_JOB_ID": "12"]), for: job)
        try await eventually { text("shown") == "hello\n" }
        try store.agentEnded(agent, reason: "no spec is left")
        #expect(try await follower.value.code == 0)
        #expect(text("shown") == "hello\n")
        #expect(text("said") == waiting)
    }

    @Test func jobsAreListedOneLineEach() async throws {
        let none = try await bench.orchestrator(["list"])
        #expect(none.output.hasPrefix("No job has been submitted"))
        for _ in 0..<2 { _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"]) }
        let lines = try await bench.orchestrator(["list"]).output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[2].contains("1 of 1 done"))
        let json = try await bench.orchestrator(["list", "--json"])
        #expect(json.output.contains(#""jobs""#))
    }

    @Test func slurmsLogsAreFoundByItsNumbers() throws {
        let layout = JobFolder(path: "/j")
        let store = try Store(CacheFolder(path: bench.cache))
        let spec = NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 1)
        let job = try store.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .slurm, agentCount: 1), specs: [spec]
        ) { _ in }.id
        for environment in [
            ["SLURM_JOB_ID": "814", "SLURM_ARRAY_JOB_ID": "812", "SLURM_ARRAY_TASK_ID": "3"], ["SLURM_JOB_ID": "9"],
        ] {
            _ = try store.registerAgent(AgentIdentity(environment: environment), for: job)
        }
        let agents = try store.agents(of: job)
        #expect(
            agents.map { layout.log(of: $0, startedBy: .slurm) } == ["/j/logs/812_3.log", "/j/logs/9.log"])
        #expect(layout.log(of: agents[0], startedBy: .local) == "/j/logs/agent-3.log")
    }

    @Test(arguments: [
        ("runs/tmz", "there is no file or folder runs/tmz; did you mean runs/tms?"),
        ("runs/other.zip", "there is no file or folder runs/other.zip"),
        ("publishd", "nothing was ever submitted to CACHE; did you mean published?"),
        ("k3j9", "nothing was ever submitted to CACHE"),
        ("job.tar.zst", "job.tar.zst is an archive: name a run in it, as in `plot RUN --archive job.tar.zst`"),
    ])
    func whatIsNotThereToBeDrawnIsToldWithWhatWasProbablyMeant(name: String, message: String) async throws {
        for file in ["runs/tms/final_config.yaml", "published/model_5.pth", "job.tar.zst"] {
            _ = try bench.write("no", to: file)
        }
        let answer = try await bench.orchestrator(["plot", name])
        #expect(answer.code == 2 && answer.output.isEmpty)
        #expect(answer.error == "orchestrator: \(message.replacing("CACHE", with: bench.cache))\n")
    }
}
