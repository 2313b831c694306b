import Foundation
import Glibc
import Store
import TestFiles
import Testing

extension Reliability {
    /// kill -9 at random moments over agents and commands: nothing is lost, nothing done twice, and every result has
    /// the bytes of a calm run.
    struct KillCampaignTests {
        @Test(.timeLimit(.minutes(20)))
        func fifteenKillsChangeNoResult() async throws {
            try await Campaign(kills: 15, specs: 3, steps: 6000).run()
        }

        @Test(.timeLimit(.minutes(20)))
        func killsChangeNoLanguageModelsResult() async throws {
            try await Campaign(
                kills: 10, specs: 2, steps: 400, experiment: LanguageSubmitTests.experiment,
                target: LanguageSubmitTests.target
            ).run()
        }

        @Test(Reliability.large, .timeLimit(.minutes(30)))
        func twoHundredAndFiftyKillsChangeNoResult() async throws {
            try await Campaign(kills: 250, specs: 8, steps: 40_000).run()
        }
    }
}

/// One campaign: a sweep done calmly, and the same sweep under fire.
private final class Campaign {
    private let calm: Workbench
    private let fire: Workbench
    private let kills: Int
    private let seed: UInt64
    private var random: SeededGenerator
    private var store: Store
    /// How often what was killed, by its name.
    private var victims: [String: Int] = [:]

    init(
        kills: Int, specs: Int, steps: Int, experiment: (Int) -> String = TrainingEndToEndTests.experiment(steps:),
        target: String = TrainingEndToEndTests.target
    ) async throws {
        self.kills = kills
        seed = ProcessInfo.processInfo.environment["SPD_CAMPAIGN_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1 << 32)
        random = SeededGenerator(seed: seed)
        (calm, fire) = (try Workbench("calm"), try Workbench("fire"))
        let toy = TrainingEndToEndTests.experiment(steps: 1000)
        for bench in [calm, fire] {
            // Short leases and frequent checkpoints, so that a campaign takes minutes.
            _ = try bench.writeProgram(
                "exec \(Workbench.products)/worker \"$@\" --lease 2 --checkpoint-every 1", to: "worker")
            for (name, text, count) in [("large", experiment(steps), specs), ("small", toy, 2)] {
                _ = try bench.write(text, to: name + ".yaml")
                let seeds = (0..<count).map(String.init).joined(separator: ", ")
                _ = try bench.write("\(name):\n  seed:\n    values: [\(seeds)]\n", to: name + "_sweep.yaml")
            }
            _ = try bench.write(toy, to: "search.yaml")
            _ = try bench.write(Self.search, to: "search_sweep.yaml")
            _ = try bench.write(target, to: "tiny_target.yaml")
            _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        }
        store = try Store(CacheFolder(path: fire.cache))
    }

    /// What agents choose and stop depends on the results that they find: it has no calm twin.
    private static let search = """
        method: bayes
        metric: {name: loss/total}
        run_cap: 6
        early_terminate: {type: hyperband, min_iter: 3, eta: 2}
        search: {lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-2}}

        """

    func run() async throws {
        print("campaign: SPD_CAMPAIGN_SEED=\(seed)")
        for name in ["large", "small"] {
            let answer = try await orchestrator(calm, Self.submit(name, agents: 2) + ["--watch"])
            try #require(answer.code == 0, "\(answer.error)")
        }
        try #require(try await orchestrator(fire, Self.submit("large", agents: 2)).code == 0)
        let start = ContinuousClock.now
        try #require(try await orchestrator(fire, Self.submit("search", agents: 1)).code == 0)
        while victims.values.reduce(0, +) < kills {
            try await keepAgentsAtWork()
            try await Task.sleep(for: .milliseconds(random.next(below: 500)))
            if random.next(below: 2) == 0 { try killAnAgent() } else { try await killACommand() }
        }
        let duration = ContinuousClock.now - start
        try await finishEverything()
        try await check()
        let list = victims.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        Reliability.figure(
            "\(kills) kill -9s (\(list)) in \(duration.formatted(.units(width: .narrow))): "
                + "\(try store.jobs().map(\.counts.total).reduce(0, +)) runs done once each, with the bytes of calm ones"
        )
    }

    private static func submit(_ name: String, agents: Int) -> [String] {
        [
            "submit", "--experiments", name + ".yaml", "--sweep", name + "_sweep.yaml", "--executor", "local",
            "--n-agents", String(agents),
        ]
    }

    private func orchestrator(
        _ bench: Workbench, _ arguments: [String], killedAfter life: Duration? = nil
    ) async throws -> Workbench.Answer {
        try await bench.orchestrator(arguments, adding: ["SPD_WORKER": bench.path + "/worker"], killedAfter: life)
    }

    // MARK: Under fire

    private func keepAgentsAtWork() async throws {
        guard try livingAgents().count < 3 else { return }
        let open = try store.jobs().filter { $0.counts.settled < $0.counts.total }.map(\.job.id)
        let answer =
            open.isEmpty
            ? try await orchestrator(fire, Self.submit("small", agents: 1))
            : try await orchestrator(fire, ["resume", "\(open[random.next(below: open.count)])", "--n-agents", "1"])
        // The job may have come to its end in the meantime.
        #expect(answer.code == 0 || answer.error.contains("nothing left to do"), "\(answer.error)")
    }

    private func livingAgents() throws -> [pid_t] {
        try store.jobs().flatMap { try store.agents(of: $0.job.id) }.compactMap { agent in
            guard agent.state != .ended, let pid = agent.pid else { return nil }
            // Numbers of processes are given again: only what was started here may be shot.
            let command = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)
            return command?.contains(Workbench.products + "/worker") == true ? pid : nil
        }
    }

    private func killAnAgent() throws {
        let agents = try livingAgents()
        guard !agents.isEmpty else { return }
        if kill(agents[random.next(below: agents.count)], SIGKILL) == 0 { victims["agents", default: 0] += 1 }
    }

    private func killACommand() async throws {
        let jobs = try store.jobs().map(\.job.id)
        let job = jobs[random.next(below: jobs.count)]
        let all = try store.snapshot(of: job).runs
        let run = all[random.next(below: all.count)].id
        // What is there already is not added again; to a search it would be a run of another kind.
        let add = all[0].experiment == "search" ? ["list"] : ["add", "\(job)", "--set", "seed=0"]
        let commands = [
            Self.submit("small", agents: 1), Self.submit("small", agents: 2), ["status", "\(job)"], ["list"],
            ["status", "--json"], ["cancel", "\(run)"], ["retry", "\(job)"], ["resume", "\(job)", "--n-agents", "1"],
            ["export", "\(job)", "--csv"], ["best", "\(job)"], ["show", "\(run)"], ["clean"], ["why", "\(job)"],
            ["hold", "\(run)"], ["hold", "\(job)"], ["release", "\(job)"], ["scale", "\(job)", "2"],
            ["priority", "\(run)"], ["note", "\(run)", "under fire"], add,
        ]
        let command = commands[random.next(below: commands.count)]
        let answer = try await orchestrator(fire, command, killedAfter: .milliseconds(random.next(below: 150)))
        if answer.code == nil {
            victims[command[0], default: 0] += 1
        } else {
            // What was quicker than the shot must have worked, or had nothing to do.
            #expect([0, 1, 2, 3].contains(answer.code), "\(command): \(answer.error)")
        }
    }

    // MARK: Afterwards

    private func finishEverything() async throws {
        for job in try store.jobs().map(\.job.id) {
            for _ in 0..<10 {
                let counts = try store.snapshot(of: job).counts
                guard counts[.done] + counts[.stopped] < counts.total else { break }
                if counts[.cancelled] + counts[.failed] > 0 { _ = try await orchestrator(fire, ["retry", "\(job)"]) }
                let held = try store.snapshot(of: job).runs.filter { $0.isHeld && !$0.status.isSettled }
                _ = try await orchestrator(fire, ["release", "\(job)"] + held.map(\.id.rawValue))
                _ = try await orchestrator(fire, ["resume", "\(job)", "--n-agents", "2", "--watch"])
            }
        }
        try await eventually { try self.livingAgents().isEmpty }
        // Whoever was to write a job's summary may have been shot: commands leave it to agents for two minutes, then they do it.
        try await eventually(within: .seconds(200)) {
            #expect(try await orchestrator(fire, ["list"]).code == 0)
            if try store.jobs().allSatisfy({ $0.job.finished != nil }) { return true }
            try await Task.sleep(for: .seconds(1))
            return false
        }
    }

    private func check() async throws {
        let reference = try Store(CacheFolder(path: calm.cache))
        let expected = try reference.jobs().flatMap { try reference.snapshot(of: $0.job.id).runs }
        for job in try store.jobs() {
            let runs = try store.snapshot(of: job.job.id).runs
            let name = try #require(runs.first).experiment
            guard name != "search" else {
                try checkSearch(runs)
                continue
            }
            let twins = expected.filter { $0.experiment == name }
            try #require(runs.map(\.overrides) == twins.map(\.overrides), "job \(job.job.id) is whole")
            for file in ["worker", "summary.json", "runs.jsonl"] {
                #expect(FileManager.default.fileExists(atPath: job.job.folder.path + "/" + file), "\(file)")
            }
            for (run, twin) in zip(runs, twins) { try check(run, against: twin) }
        }
    }

    /// Every run of a search has settings of its own, and came to its end once, or was stopped once.
    private func checkSearch(_ runs: [Run]) throws {
        #expect(runs.count == 6 && Set(runs.map(\.overrides)).count == 6, "\(runs.map(\.overrides))")
        for run in runs {
            #expect([.done, .stopped].contains(run.status), "\(run.id): \(run.error ?? "")")
            try checkAttempts(at: run)
        }
    }

    private func checkAttempts(at run: Run) throws {
        let attempts = try store.attempts(at: run.id)
        let ends = attempts.filter { $0.outcome == .done || $0.outcome == .stopped }
        #expect(ends.count == 1, "\(run.id) comes to its end once")
        #expect(attempts.map(\.number) == Array(1...max(1, run.attempt)), "\(run.id)'s attempts are all known")
        #expect(attempts.allSatisfy { $0.outcome != nil })
    }

    private func check(_ run: Run, against twin: Run) throws {
        #expect(run.status == .done, "\(run.id): \(run.error ?? "")")
        try checkAttempts(at: run)
        #expect(run.metrics == twin.metrics)
        for name in ["final_config.yaml", "metrics.jsonl", "model_\(twin.progress.steps).safetensors"] {
            let (ours, theirs) = (
                URL(filePath: run.folder.path + "/" + name), URL(filePath: twin.folder.path + "/" + name)
            )
            #expect(try Data(contentsOf: ours) == Data(contentsOf: theirs), "\(name) of \(run.id)")
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: run.folder.path)
        #expect(!files.contains { $0.hasSuffix(".tmp") }, "\(files)")
    }
}

extension SeededGenerator {
    fileprivate mutating func next(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
}
