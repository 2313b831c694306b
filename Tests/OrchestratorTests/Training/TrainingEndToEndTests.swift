import Foundation
import Glibc
import Store
import Testing

/// Sweeps with the real worker: what is submitted is trained, whoever dies on the way.
struct TrainingEndToEndTests {
    /// A small model, a second or so per 10,000 steps.
    static func experiment(steps: Int) -> String {
        """
        C: 8
        n_mask_samples: 1
        n_ci_mlp_neurons: 8
        target_module_patterns: [linear1, linear2]
        faithfulness_coeff: 1
        stochastic_recon_coeff: 1
        stochastic_recon_layerwise_coeff: 1
        importance_minimality_coeff: 0.003
        pnorm: 1
        output_loss_type: mse
        lr: 0.001
        steps: \(steps)
        batch_size: 512
        n_eval_steps: 1
        print_freq: 100
        pretrained_model_class: spd.experiments.tms.models.TMSModel
        pretrained_model_path: train:small
        task_config: {task_name: tms, feature_probability: 0.1}
        """
    }
    static let target = """
        tms_model_config: {n_features: 4, n_hidden: 3, n_hidden_layers: 0, tied_weights: true, init_bias_to_zero: false, device: cpu}
        feature_probability: 0.1
        batch_size: 256
        steps: 1500
        lr: 0.01
        lr_schedule: constant
        data_generation_type: at_least_zero_active
        """

    let bench: Workbench

    init() throws {
        bench = try Workbench(adding: Self.realWorker)
        _ = try bench.write(Self.experiment(steps: 6000), to: "small.yaml")
        _ = try bench.write(Self.target, to: "small_target.yaml")
        _ = try bench.write("small:\n  seed:\n    values: [0, 1]\n  pnorm:\n    values: [1, 2]\n", to: "sweep.yaml")
    }

    static let realWorker = ["SPD_WORKER": Workbench.products + "/worker"]
    static let submit = ["submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "local"]

    @Test func slotsShareAnAgentAndTheLastOneClosesTheJob() async throws {
        let answer = try await bench.orchestrator(
            Self.submit + [
                "--slots", "2", "--threads", "1", "--watch", "--on-finish",
                #"test -s "$SPD_SUMMARY" && echo "job $SPD_JOB_ID is over" && touch over"#,
            ])
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        let job = try await bench.status(of: 1)
        #expect(job.counts.done == 4)
        let over = bench.path + "/over"
        try await eventually { FileManager.default.fileExists(atPath: over) }
        let log = try String(contentsOfFile: job.folder + "/logs/agent-1.log", encoding: .utf8)
        #expect(log.contains("2 slots, 1 thread per run"))
        let hook = try String(contentsOfFile: job.folder + "/logs/on-finish.log", encoding: .utf8)
        #expect(hook == "job 1 is over\n")
        let lines = try String(contentsOfFile: job.folder + "/runs.jsonl", encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4)
        struct Summary: Decodable {
            let counts: [String: Int]
            let attempts: Int
        }
        let summary = try JSONDecoder().decode(
            Summary.self, from: try Data(contentsOf: URL(filePath: job.folder + "/summary.json")))
        #expect(summary.counts["done"] == 4)
        #expect(summary.attempts == 4)
    }

    @Test func whatAJobsRunsDrewIsDrawnAgainByItsNumber() async throws {
        _ = try bench.write(Self.experiment(steps: 100) + "\nimage_freq: 50\n", to: "small.yaml")
        _ = try bench.write("small:\n  pnorm:\n    values: [1, 2]\n", to: "sweep.yaml")
        let answer = try await bench.orchestrator(Self.submit + ["--watch"])
        #expect(answer.code == 0, "\(answer.error)")
        let folders = try await bench.status(of: 1).runs.map(\.folder)
        let names = folders.map { URL(filePath: $0).lastPathComponent }
        let study = try await bench.orchestrator(["plot", "1", "--by", "pnorm", "--format", "svg"])
        #expect(study.code == 0 && study.output.hasPrefix("figures/varying_pnorm_ci_vals.svg\n"), "\(study.error)")
        let page = try await bench.orchestrator(["plot", "1", "--html"])
        #expect(page.code == 0 && page.output == "job_1.html\n", "\(page.error)")
        #expect(try String(contentsOfFile: bench.path + "/job_1.html", encoding: .utf8).contains("<h1>Job 1</h1>"))

        // One run is damaged: the other is drawn all the same.
        let broken = folders[0]
        for name in try FileManager.default.contentsOfDirectory(atPath: broken) where name != "final_config.yaml" {
            try "no".write(toFile: broken + "/" + name, atomically: true, encoding: .utf8)
        }
        let figure = ["--figure", "causal_importances", "--format", "svg", "--out", "all"]
        let both = try await bench.orchestrator(["plot", "1"] + figure)
        #expect(both.code == 1 && both.error.contains(broken), "\(both.error)")
        #expect(both.output.contains("all/\(names[1])/causal_importances.svg"))
        let alone = try await bench.orchestrator(["plot", names[0]] + figure)
        #expect(alone.code == 2, "\(alone.error)")
    }

    @Test func anAgentWhoseSlurmJobIsStartedAgainEndsAfterTheRunItHolds() async throws {
        _ = try bench.write(Self.experiment(steps: 40_000), to: "small.yaml")
        let nobody = try bench.writeProgram("exit 0", to: "nobody")
        try #require(try await bench.orchestrator(Self.submit, adding: ["SPD_WORKER": nobody]).code == 0)
        let place = ["SLURM_JOB_ID": "35"]
        let agent = Task { [bench] in
            try await bench.run(Workbench.products + "/worker", ["--job-id", "1", "--threads", "1"], adding: place)
        }
        let store = try Store(CacheFolder(path: bench.cache))
        let job = JobID(rawValue: 1)
        try await eventually(within: .seconds(60)) { try store.openWork(of: job).running == 1 }
        let again = try store.registerAgent(AgentIdentity(environment: place), for: job)
        let answer = try await agent.value
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.output.contains("Z agent 1.2: 1 slot, 1 thread per run"), "as `status` calls it")
        #expect(answer.output.contains("ends: this agent is marked as ended (SLURM has started its job again)"))
        let snapshot = try store.snapshot(of: job)
        #expect(snapshot.counts[.done] == 1)
        #expect(snapshot.counts[.pending] == 3)
        #expect(snapshot.agents.map(\.reason).contains("SLURM has started its job again"))
        #expect(try store.endOfAgent(again) == nil)
    }

    @Test func slotsAreChosenByMeasuring() async throws {
        let answer = try await bench.orchestrator(Self.submit + ["--slots", "auto", "--watch"])
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        let job = try await bench.status(of: 1)
        let log = try String(contentsOfFile: job.folder + "/logs/agent-1.log", encoding: .utf8)
        #expect(log.contains(/1 x \d+ threads: \d+\.\d steps\/s together/))
        #expect(job.counts.done == 4)
    }

    @Test func aSweepGivesTheSameResultsWhateverTheNumberOfAgents() async throws {
        for agents in ["1", "3"] {
            let answer = try await bench.orchestrator(Self.submit + ["--n-agents", agents, "--watch"])
            #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        }

        let (alone, shared) = (try await bench.status(of: 1), try await bench.status(of: 2))
        #expect(alone.counts.done == 4 && shared.counts.done == 4)
        #expect(Set(shared.runs.compactMap(\.agent)).count > 1)
        for (a, b) in zip(alone.runs, shared.runs) {
            #expect(a.overrides == b.overrides)
            #expect(a.metrics.keys.contains("mmcs") && a.metrics.keys.contains("ml2r"))
            try expectSameResults(a, b)
        }
        let targets = try FileManager.default.contentsOfDirectory(atPath: bench.cache + "/targets")
        #expect(targets.filter { !$0.hasSuffix(".lock") }.count == 1, "the target was trained once: \(targets)")
    }

    @Test func aStoppedAgentGivesItsSpecBackAtOnce() async throws {
        _ = try bench.write(Self.experiment(steps: 6_000_000), to: "small.yaml")
        let answer = try await bench.orchestrator(["submit", "--experiments", "small.yaml", "--executor", "local"])
        #expect(answer.code == 0, "\(answer.error)")
        let agent = try #require(try await agentAtWork(on: 1))

        kill(agent, SIGTERM)

        var job = try await bench.status(of: 1)
        for _ in 0..<100 where job.agents[0].state != "ended" {
            try await Task.sleep(for: .milliseconds(50))
            job = try await bench.status(of: 1)
        }
        #expect(job.runs[0].status == "pending")
        #expect(job.agents[0].reason == "stopped by a signal")
        let files = try FileManager.default.contentsOfDirectory(atPath: job.runs[0].folder)
        #expect(files.contains { $0.hasPrefix("checkpoint_") })
    }

    @Test func aCancelledRunsAgentTurnsToTheNextAndTheRunCanGoOnFromWhereItWas() async throws {
        _ = try bench.write(Self.experiment(steps: 90_000), to: "small.yaml")
        _ = try await bench.orchestrator(Self.submit)
        let store = try Store(CacheFolder(path: bench.cache))
        let id = try #require(try store.snapshot(of: JobID(rawValue: 1)).runs.first).id
        try await eventually(within: .seconds(60)) { try store.run(id).progress.step > 0 }
        let first = id.rawValue

        #expect(try await bench.orchestrator(["cancel", first]).code == 0)

        try await eventually { try await bench.status(of: 1).runs[1].status == "running" }
        let log = try await bench.orchestrator(["logs", first]).output
        #expect(log.contains("attempt 1 of run \(first) has lost its lease: the run is cancelled"))
        #expect(try await bench.orchestrator(["cancel", "1"]).output.contains("1 local agent asked to end"))
        try await eventually { try await bench.status(of: 1).agents[0].state == "ended" }

        #expect(try await bench.orchestrator(["retry", "1", "--run", first]).code == 0)
        let resumed = try await bench.orchestrator(["resume", "1", "--watch"])
        #expect(resumed.code == 1, "the other runs stay cancelled")
        #expect(try await bench.status(of: 1).runs[0].status == "done")
        #expect(try await bench.orchestrator(["logs", first]).output.contains("goes on from step"))
    }

    @Test func weightsThatCannotBeReadAreRefusedBeforeAnythingIsStored() async throws {
        let weights = try bench.write("no weights", to: "mine/tms.safetensors")
        _ = try bench.write(Self.target, to: "mine/tms_train_config.yaml")
        let experiment = Self.experiment(steps: 10).replacingOccurrences(of: "train:small", with: weights)
        _ = try bench.write(experiment, to: "small.yaml")

        let answer = try await bench.orchestrator(["submit", "--experiments", "small.yaml", "--executor", "local"])

        #expect(answer.code == 2)
        #expect(
            answer.error.contains("pretrained_model_path: \(weights) is a text, not weights"), "\(answer.error)")
        #expect(bench.files().isEmpty)
    }

    @Test func aPatternThatMatchesNoModuleIsRefusedBeforeAnythingIsStored() async throws {
        let experiment = Self.experiment(steps: 10).replacingOccurrences(of: "linear2]", with: "linear9]")
        _ = try bench.write(experiment, to: "small.yaml")

        let answer = try await bench.orchestrator(["submit", "--experiments", "small.yaml", "--executor", "local"])

        #expect(answer.code == 2)
        #expect(
            answer.error.contains(
                "target_module_patterns: 'linear9' matches no module; the target has linear1, linear2"))
        #expect(bench.files().isEmpty)
    }

    /// The process of an agent that holds a spec, once there is one; nil when the job is finished first.
    private func agentAtWork(on job: Int) async throws -> pid_t? {
        for _ in 0..<400 {
            let state = try await bench.status(of: job)
            if state.counts.done == state.counts.total { return nil }
            let working = Set(state.runs.filter { $0.status == "running" && $0.step > 0 }.compactMap(\.agent))
            for agent in state.agents where agent.state == "running" && working.contains(agent.id) {
                if let pid = agent.pid, kill(pid_t(pid), 0) == 0 { return pid_t(pid) }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("no agent came to work on job \(job)")
        return nil
    }

    private func expectSameResults(_ a: StatusReport.Run, _ b: StatusReport.Run) throws {
        for name in ["metrics.jsonl", "model_\(a.steps).safetensors"] {
            let (first, second) = (URL(filePath: a.folder + "/" + name), URL(filePath: b.folder + "/" + name))
            #expect(try Data(contentsOf: first) == Data(contentsOf: second), "\(name) of \(a.run) and \(b.run)")
        }
    }
}
