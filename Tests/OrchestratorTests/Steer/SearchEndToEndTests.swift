import Foundation
import Layout
import Store
import Testing

/// Searches with the real worker: what agents choose and stop, and what users do to them meanwhile.
struct SearchEndToEndTests {
    private let bench: Workbench
    private let job = JobID(rawValue: 1)

    init() throws {
        bench = try Workbench("search", adding: TrainingEndToEndTests.realWorker)
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 1500), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
    }

    private func store() throws -> Store { try Store(CacheFolder(path: bench.cache)) }

    private func submit(_ sweep: String, _ more: [String] = ["--watch"], adding: [String: String] = [:]) async throws {
        _ = try bench.write(sweep, to: "sweep.yaml")
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "local", "--threads", "1"]
                + more, adding: adding)
        try #require(answer.code == 0, "\(answer.error)\(answer.output)")
    }

    private static func bayes(_ runs: Int) -> String {
        """
        method: bayes
        metric: {name: loss/total}
        run_cap: \(runs)
        small: {lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-2}}

        """
    }

    @Test func runsThatAreNotStoppedHaveTheSameBytesAsWithoutEarlyStops() async throws {
        let values = "small: {lr: {values: [0.01, 0.003, 0.001, 0.0001]}}\n"
        try await submit(values)
        try await submit(
            "metric: {name: loss/total}\nearly_terminate: {type: hyperband, min_iter: 4, eta: 2}\n" + values)
        let (plain, judged) = (
            try store().snapshot(of: job).runs, try store().snapshot(of: JobID(rawValue: 2)).runs
        )
        #expect(plain.map(\.status) == Array(repeating: .done, count: 4))
        #expect(Set(judged.map(\.status)) == [.done, .stopped])
        for (run, twin) in zip(judged, plain) {
            let (rows, all) = (
                try String(contentsOfFile: run.folder.metrics, encoding: .utf8),
                try String(contentsOfFile: twin.folder.metrics, encoding: .utf8)
            )
            if run.status == .done {
                #expect(rows == all)
                let model = "/model_1500.safetensors"
                #expect(
                    FileManager.default.contentsEqual(
                        atPath: run.folder.path + model, andPath: twin.folder.path + model))
            } else {
                #expect(all.hasPrefix(rows) && rows.count < all.count && !rows.isEmpty)
                #expect(run.error?.contains("stopped early: loss/total is") == true)
            }
        }
        // `retry` is for what failed; what was stopped stays so.
        _ = try await bench.orchestrator(["retry", "2"])
        #expect(try store().snapshot(of: JobID(rawValue: 2)).runs.map(\.status) == judged.map(\.status))
    }

    @Test func theSameSearchChoosesTheSameSettings() async throws {
        for _ in 0..<2 { try await submit(Self.bayes(6)) }
        let (first, second) = (
            try store().snapshot(of: job).runs, try store().snapshot(of: JobID(rawValue: 2)).runs
        )
        #expect(first.map(\.overrides) == second.map(\.overrides))
        #expect(Set(first.map(\.overrides)).count == 6)
        #expect(first.map(\.metrics) == second.map(\.metrics))
    }

    @Test func whatIsAddedGoesOnWithTheSubmissionsSearch() async throws {
        try await submit(Self.bayes(6), ["--set", "steps=200", "--sweep-seed", "5", "--watch"])
        let more = ["add", "1", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--samples", "2"]
        let added = try await bench.orchestrator(more)
        #expect(
            added.output.hasPrefix("Job 1: 2 specs added, with --set steps=200 --sweep-seed 5 as at its submission\n"),
            "\(added.output)\(added.error)")
        #expect(try searches().count == 1)
        #expect(try await bench.orchestrator(more + ["--sweep-seed", "6"]).code == 0)
        #expect(try searches().count == 2, "another seed is another search")
    }

    /// The searches to which the job's runs belong.
    private func searches() throws -> Set<String?> {
        let store = try store()
        return Set(try store.snapshot(of: job).runs.map { try store.spec(of: $0.id).search })
    }

    @Test func aHeldRunGetsItsSettingsWhenItIsLetGo() async throws {
        // The agent comes once the run is held.
        let idle = try bench.writeProgram("exit 0", to: "idle")
        try await submit(Self.bayes(4), ["--n-agents", "1"], adding: ["SPD_WORKER": idle])
        let last = try #require(try store().snapshot(of: job).runs.last).id
        #expect(try await bench.orchestrator(["hold", last.rawValue]).code == 0)
        let agent = Task { [bench] in
            try await bench.run(Workbench.products + "/worker", ["--job-id", "1", "--threads", "1"])
        }
        try await eventually { try store().snapshot(of: job).counts[.done] == 3 }
        #expect(try store().run(last).status == .pending)
        #expect(try store().run(last).overrides == "[]", "nothing is chosen yet")
        #expect(try await bench.orchestrator(["release", last.rawValue]).code == 0)
        try await eventually { try store().snapshot(of: job).counts[.done] == 4 }
        #expect(try store().run(last).overrides.contains("lr"))
        #expect(try await agent.value.code == 0)
    }

    @Test func whatIsNotChosenYetIsShownNowhere() async throws {
        let idle = try bench.writeProgram("exit 0", to: "idle")
        let sweep = Self.bayes(2).replacing("small: {", with: "small: {seed: {value: 7}, ")
        try await submit(sweep, [], adding: ["SPD_WORKER": idle])
        let runs = try store().snapshot(of: job).runs.map(\.id.rawValue)
        func export(_ arguments: [String]) async throws -> String {
            let answer = try await bench.orchestrator(["export", "1"] + arguments)
            #expect(answer.code == 0, "\(answer.error)")
            return answer.output.replacing("\r\n", with: "\n")
        }
        #expect(try await export(["--columns", "position,lr,config.seed"]) == "position,lr,seed\n0,,7\n1,,7\n")
        #expect(try await export(["--columns", "position", "--where", "lr>0"]) == "position\n")
        #expect(try await export(["--columns", "position", "--where", "lr=null"]) == "position\n0\n1\n")
        let groups = try await export(["--group-by", "config.seed", "--columns", "lr"])
        #expect(groups == "seed,n,lr.mean,lr.deviation,lr.median,lr.n\n7,2,,,,0\n")
        let lines = try await export(["--all-config", "--jsonl"])
        #expect(lines.components(separatedBy: #""lr":null"#).count == 3, "\(lines)")
        let plain = try await export([])
        #expect(plain.hasPrefix("run,") && !plain.contains(",lr"), "nothing varies yet")
        let shown = try await bench.orchestrator(["show", runs[0]])
        #expect(shown.output.contains("\n  lr: null\n") && shown.output.contains("\n  seed: 7\n"), "\(shown.output)")
        let json = try await bench.orchestrator(["show", runs[0], "--json"])
        #expect(json.output.contains(#""lr" : null"#) || json.output.contains(#""lr":null"#), "\(json.output)")
        #expect(try await bench.orchestrator(["cancel", "1"]).code == 0)
        let compared = try await bench.orchestrator(["compare", runs[0], runs[1]])
        #expect(compared.output.contains("Config\n  the same\n"), "\(compared.output)\(compared.error)")
        #expect(
            compared.output.contains("run \(runs[0]) has no weights (it is cancelled): it has not started"),
            "\(compared.output)")
    }

    @Test func aTargetThatIsReachedEndsTheSearchAndTheJobIsDone() async throws {
        try await submit(
            "metric: {name: loss/total, target: 1e9}\nsmall: {seed: {values: [1, 2, 3]}}\n", ["--watch"])
        let runs = try store().snapshot(of: job).runs
        #expect(runs.map(\.status) == [.done, .stopped, .stopped])
        #expect(runs[2].error?.hasPrefix("not begun: run \(runs[0].id) has reached the target, loss/total ≤") == true)
        #expect(runs[2].attempt == 0)
        let status = try await bench.orchestrator(["status", "1"])
        #expect(status.code == 0 && status.output.contains("1 of 3 done, 2 stopped"), "\(status.output)")
        #expect(try await bench.orchestrator(["why", "1"]).output.contains("not begun: run"))
    }

    @Test func aRunThatIsStillToBeChosenCannotBeTrainedByHand() async throws {
        try await submit(Self.bayes(1), [], adding: ["SPD_WORKER": try bench.writeProgram("exit 0", to: "idle")])
        let run = try #require(try store().snapshot(of: job).runs.first)
        let answer = try await bench.orchestrator(["run", "--spec", run.id.rawValue])
        #expect(answer.code == 2)
        #expect(answer.error.contains("has no settings yet: its search chooses them"), "\(answer.error)")
    }

    @Test func aRunWhoseEarlierRowsAreDamagedFailsAndSaysSo() async throws {
        let idle = try bench.writeProgram("exit 0", to: "idle")
        try await submit(Self.bayes(1), [], adding: ["SPD_WORKER": idle])
        let run = try #require(try store().snapshot(of: job).runs.first)
        try FileManager.default.createDirectory(atPath: run.folder.path, withIntermediateDirectories: true)
        let rows = "{\"step\": 0, \"loss/total\": 1}\n\u{0}\u{0}\u{0}\n"
        try Data(rows.utf8).write(to: URL(filePath: run.folder.metrics))
        _ = try await bench.run(Workbench.products + "/worker", ["--job-id", "1"])
        let failed = try store().run(run.id)
        #expect(failed.status == .failed)
        #expect(failed.error?.contains("metrics.jsonl:2: is not a row of metrics") == true, "\(failed.error ?? "-")")
    }
}
