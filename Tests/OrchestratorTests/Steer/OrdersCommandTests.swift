import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// Growing and steering a job from the command line, while agents are at work.
struct OrdersCommandTests {
    let bench: Workbench
    let store: Store

    init() throws {
        bench = try Workbench()
        store = try Store(CacheFolder(path: bench.cache))
    }

    private func submit(_ runs: Int, _ more: [String] = [], _ variables: [String: String] = [:]) async throws {
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", bench.seeds(runs), "--executor", "local"] + more,
            adding: variables)
        try #require(answer.code == 0, "\(answer.error)")
    }

    @Test func specsAreAddedWhileAgentsWorkAndEachIsRunOnce() async throws {
        try await submit(6, ["--n-agents", "2"], ["STAND_IN_STEP_MS": "40"])
        let sweep = try bench.seeds(10)
        // Two at once, one of them killed in the middle of it.
        async let one = bench.orchestrator(["add", "1", "--sweep", sweep])
        async let two = bench.orchestrator(["add", "1", "--sweep", sweep])
        async let killed = bench.orchestrator(["add", "1", "--set", "seed=10"], killedAfter: .milliseconds(30))
        let answers = try await [one, two]
        _ = try await killed
        #expect(answers.allSatisfy { $0.code == 0 }, "\(answers.map(\.error))")
        let added = answers.map { $0.output.contains("4 specs added; 6 it has already") }
        let empty = answers.map { $0.output.contains("0 specs added; 10 it has already") }
        #expect(added.count { $0 } == 1 && empty.count { $0 } == 1, "\(answers.map(\.output))")
        _ = try await bench.orchestrator(["resume", "1"])
        try await eventually(within: .seconds(60)) { try store.openWork(of: JobID(rawValue: 1)).isNone }
        let runs = try store.snapshot(of: JobID(rawValue: 1)).runs
        let seeds = try runs.map { try Overrides(json: $0.overrides).values["seed"] }
        #expect(Set(seeds).count == runs.count && (10...11).contains(runs.count))
        #expect(runs.allSatisfy { $0.status == .done && $0.attempt == 1 })
    }

    @Test func whatTheSubmissionSetHoldsForWhatIsAdded() async throws {
        try await submit(2, ["--set", "steps=300", "--set", "lr=0.01"])
        let more = try await bench.orchestrator(["add", "1", "--sweep", bench.seeds(3)])
        #expect(
            more.output.hasPrefix("Job 1: 1 spec added, with --set steps=300 --set lr=0.01 as at its submission; 2 it"),
            "\(more.output)\(more.error)")
        let other = try await bench.orchestrator(["add", "1", "--set", "lr=0.02", "--json"])
        #expect(other.output.contains(#""kept" : ["#) && other.output.contains("steps=300"), "\(other.error)")
        _ = try bench.write("global:\n  steps:\n    values: [40, 50]\n", to: "steps.yaml")
        let swept = try await bench.orchestrator(["add", "1", "--sweep", "steps.yaml"])
        #expect(swept.output.contains("2 specs added, with --set lr=0.01 as"), "\(swept.output)\(swept.error)")
        let settings = try store.snapshot(of: JobID(rawValue: 1)).runs.map { run in
            let values = try Overrides(json: run.overrides).values
            return ["seed", "steps", "lr"].map { values[$0] ?? "-" }.joined(separator: " ")
        }
        #expect(settings == ["0 300 0.01", "1 300 0.01", "2 300 0.01", "- 300 0.02", "- 40 0.01", "- 50 0.01"])
    }

    @Test func whatCannotBeAddedChangesNothing() async throws {
        try await submit(2)
        let before = try store.specs(of: JobID(rawValue: 1))
        for (arguments, message) in [
            (["1", "--experiments", "resid_mlp1"], "is of the kind"), (["9", "--set", "seed=1"], "there is no job 9"),
            (["1"], "nothing to add"), (["1", "--set", "sead=1"], "did you mean seed?"),
            (["1", "--sweep", "nowhere.yaml"], "nowhere.yaml"),
        ] {
            let answer = try await bench.orchestrator(["add"] + arguments)
            #expect(answer.code == 2, "\(arguments)")
            #expect(answer.error.contains(message), "\(answer.error)")
        }
        #expect(try store.specs(of: JobID(rawValue: 1)) == before)
    }

    @Test func agentsAreScaledUpAndDownAndHeld() async throws {
        try await submit(30, ["--n-agents", "3"], ["STAND_IN_STEP_MS": "500"])
        let job = JobID(rawValue: 1)
        let held = try await bench.orchestrator(["hold", "1"])
        #expect(held.output == "Job 1: held\n", "\(held.error)")
        try await eventually(within: .seconds(30)) { try store.openWork(of: job).running == 0 }
        let status = try await bench.orchestrator(["status", "1"])
        #expect(status.output.contains("Held; `orchestrator release 1` lets it go on"))
        let up = try await bench.orchestrator(["scale", "1", "5"])
        #expect(up.output == "Job 1: 2 agents started\n", "\(up.error)")
        try await eventually(within: .seconds(30)) { try store.agents(of: job).count { $0.state == .running } == 5 }
        let down = try await bench.orchestrator(["scale", "1", "2", "--json"])
        #expect(down.output.contains(#""leaving" : 3"#), "\(down.output)\(down.error)")
        #expect(try store.agents(of: job).count { $0.isLeaving } == 3)
        #expect(try await bench.orchestrator(["release", "1"]).code == 0)
        _ = try await bench.orchestrator(["cancel", "1"])
        let over = try await bench.orchestrator(["scale", "1", "4"])
        #expect(over.code == 2)
        #expect(over.error.contains("job 1 has nothing left to do"))
    }

    @Test func notesTagsNamesAndPrioritiesAreShown() async throws {
        try await submit(3, ["--max-running", "1"], ["STAND_IN_STEP_MS": "2000"])
        let runs = try store.snapshot(of: JobID(rawValue: 1)).runs.map(\.id.rawValue)
        #expect(try await bench.orchestrator(["rename", "1", "zweiter Versuch 🙂"]).code == 0)
        #expect(try await bench.orchestrator(["note", runs[2], "look, \"here\""]).code == 0)
        #expect(try await bench.orchestrator(["tag", runs[2], "1", "--add", "odd", "--add", "new"]).code == 0)
        #expect(try await bench.orchestrator(["priority", runs[2]]).code == 0)
        let status = try await bench.orchestrator(["status", "1"])
        #expect(status.output.contains("Job 1 (zweiter Versuch 🙂, local)") && status.output.contains("Tags: new odd"))
        let csv = try await bench.orchestrator([
            "export", "1", "--where", "tags ~ odd", "--columns", "run,note,tags,priority",
        ])
        #expect(csv.output.hasSuffix("\(runs[2]),\"look, \"\"here\"\"\",new odd,1\r\n"), "\(csv.output)")
        for (arguments, message) in [
            (["rename", "1", "two\nlines"], "stands on one line"), (["tag", "1", "--add", "a b"], "has blanks"),
            (["tag", "1"], "name a tag"), (["note", "zzzz", "x"], "no run's name begins with"),
            (["priority", "1"], "priorities are for runs"), (["hold", "1.1"], "is an agent"),
            (["note", "1", String(repeating: "x", count: 1001)], "1000 characters at most"),
        ] {
            let answer = try await bench.orchestrator(arguments)
            #expect(answer.code == 2, "\(arguments)")
            #expect(answer.error.contains(message), "\(answer.error)")
        }
        for arguments in [["note", "1", "again"], ["tag", "1", "--add", "late"], ["rename", "1", "last"]] {
            let answer = try await bench.orchestrator(arguments + ["--json"])
            #expect(answer.output == "{\n  \"jobs\" : [\n    1\n  ],\n  \"runs\" : [\n\n  ]\n}\n", "\(answer)")
        }
        _ = try await bench.orchestrator(["cancel", "1"])
    }

    @Test func anAgentThatStaysToTellOfFailuresTakesUpWhatComes() async throws {
        let bench = try Workbench(adding: TrainingEndToEndTests.realWorker)
        _ = try bench.write(
            TrainingEndToEndTests.experiment(steps: 400).replacing("lr: 0.001", with: "lr: 1.0e+30"), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        let answer = try await bench.orchestrator([
            "submit", "--experiments", "small.yaml", "--executor", "local", "--on-failure", "cat >> told", "--watch",
        ])
        #expect(answer.code == 1, "\(answer.error)")
        let store = try Store(CacheFolder(path: bench.cache))
        let job = JobID(rawValue: 1)
        try await eventually(within: .seconds(30)) { try store.agents(of: job).map(\.state) == [.ended] }
        // What fails within a minute of the first is told later, for which the second agent stays.
        let add = ["add", "1", "--experiments", "small.yaml", "--set", "seed=1"]
        #expect(try await bench.orchestrator(add).code == 0)
        #expect(try await bench.orchestrator(["resume", "1"]).code == 0)
        try await eventually(within: .seconds(30)) { try store.hasUntoldFailures(of: job) }
        #expect(try await bench.orchestrator(["retry", "1", "--failed"]).code == 0)
        try await eventually(within: .seconds(30)) {
            try store.snapshot(of: job).runs.allSatisfy { $0.status == .failed && $0.attempt == 2 }
        }
        #expect(try store.agents(of: job).map(\.state) == [.ended, .running])
        #expect(try await bench.orchestrator(["cancel", "1"]).code == 0)
        try await eventually(within: .seconds(30)) { try store.agents(of: job).allSatisfy { $0.state == .ended } }
    }

    @Test func aHopelessJobStopsAndTellsTheUsersCommand() async throws {
        let bench = try Workbench(adding: TrainingEndToEndTests.realWorker)
        // A learning rate at which the loss is not finite after a few steps.
        _ = try bench.write(
            TrainingEndToEndTests.experiment(steps: 400).replacing("lr: 0.001", with: "lr: 1.0e+30"), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        _ = try bench.write("small:\n  seed:\n    values: [0, 1, 2, 3, 4, 5]\n", to: "sweep.yaml")
        let arguments = [
            "submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "local", "--fail-fast", "2",
            "--on-failure", #"while read -r line; do echo "$line" >> told; done; echo "end" >> told"#, "--watch",
        ]
        let answer = try await bench.orchestrator(arguments)
        #expect(answer.code == 1)
        #expect(answer.error.contains("its first 2 runs all failed"), "\(answer.error)\(answer.output)")
        let state = try await bench.status(of: 1)
        #expect(state.counts.failed == 2 && state.counts.pending == 4)
        let told = try String(contentsOfFile: bench.path + "/told", encoding: .utf8)
        #expect(told.contains(#""failed_runs" : "#) && told.contains(state.runs[0].run), "\(told)")
        let stillHalted = "Hands out no more specs: its first 2 runs all failed"
        let released = try await bench.orchestrator(["release", "1"])
        #expect(released.output.contains(stillHalted), "\(released.output)")
        let resumed = try await bench.orchestrator(["resume", "1", "--watch"])
        #expect(resumed.error.contains("job 1 hands out specs again; it had stopped: its first 2 runs"))
        #expect(try await bench.status(of: 1).counts.failed == 4)
        let retried = try await bench.orchestrator(["retry", "1"])
        #expect(retried.output.contains(stillHalted), "\(retried.output)")
    }
}
