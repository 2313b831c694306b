import Artifacts
import Experiments
import Foundation
import Layout
import Runs
import TestFiles
import Testing

struct RunFiguresTests {
    private static let names = [
        "mask_vals_linear1", "mask_vals_linear2", "mask_vals", "mean_component_activation_counts", "causal_importances",
        "causal_importances_upper_leaky", "UV_matrices",
    ]
    private static let frequency = "image_freq: 25"

    private func figures(_ plan: RunPlan) throws -> [String: [UInt8]] {
        var figures: [String: [UInt8]] = [:]
        for file in try files(plan) {
            let pack = try FilePack(contentsOf: plan.folder.path + "/" + file)
            for entry in pack.entries { figures[entry.name] = try pack.bytes(of: entry) }
        }
        return figures
    }

    private func files(_ plan: RunPlan) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: plan.folder.path).filter { $0.hasPrefix("figures") }
    }

    private func expected(_ steps: [Int]) -> Set<String> {
        Set(steps.flatMap { step in Self.names.map { "\($0)_\(step).png" } + ["numbers_\(step).safetensors"] })
    }

    @Test(arguments: [("", [0, 25, 50, 60]), ("image_on_first_step: false", [25, 50, 60])])
    func figuresAreDrawnAtEverySuchStepAndTheLast(extra: String, steps: [Int]) throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder, extra: Self.frequency + "\n" + extra)

        try Example.perform(plan)

        let figures = try figures(plan)
        #expect(Set(figures.keys) == expected(steps))
        for (name, bytes) in figures where name.hasSuffix(".png") {
            #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]), "\(name)")
            #expect(bytes.count > 1000, "\(name)")
        }
        #expect(figures["UV_matrices_25.png"] != figures["UV_matrices_50.png"])
        #expect(Set(try files(plan)) == Set(steps.map { "figures_\($0).zip" }), "one file for each set")
    }

    @Test func figuresDoNotDisturbTraining() throws {
        let folder = try TemporaryFolder()
        let without = try Example.plan(folder, run: "without")
        let with = try Example.plan(folder, run: "with", extra: Self.frequency)

        try Example.perform(without)
        try Example.perform(with)

        #expect(try files(without).isEmpty)
        for name in ["metrics.jsonl", "model_60.safetensors"] {
            #expect(try Example.bytes(without, name) == Example.bytes(with, name), "\(name)")
        }
    }

    /// A run is asked whether to stop after each step, and before each of the three batches that a figure looks at.
    @Test(arguments: [(2, 0), (20, 17), (28, 25), (30, 25), (32, 26), (58, 50), (69, 60), (72, 60)])
    func aRunThatWasInterruptedLeavesTheSameFigures(after: Int, step: Int) throws {
        // The same name, which stands in the figures' corners, and the same cached target.
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder, evalSteps: 3, extra: Self.frequency)
        let names = ["metrics.jsonl", "model_60.safetensors"]
        try Example.perform(plan)
        let (wanted, calm) = try (figures(plan), names.map { try Example.bytes(plan, $0) })
        try FileManager.default.removeItem(atPath: plan.folder.path)

        #expect(try Example.perform(plan, stopAfter: after) == .interrupted(step: step))
        try Example.perform(plan)

        let found = try figures(plan)
        #expect(Set(found.keys) == expected([0, 25, 50, 60]))
        for (name, bytes) in wanted { #expect((found[name] == bytes) as Bool, "\(name)") }
        for (name, bytes) in zip(names, calm) { #expect(try Example.bytes(plan, name) == bytes, "\(name)") }
    }

    @Test func withoutCairoTheRunSaysSoOnceAndGoesOn() throws {
        let folder = try TemporaryFolder()
        let lines = Lines()
        let plan = try Example.plan(folder, extra: Self.frequency)

        let outcome = try Example.perform(plan, lines: lines, drawingLibraries: ["libnothing-of-the-kind.so.7"])

        guard case .finished = outcome else {
            Issue.record("the run did not finish")
            return
        }
        #expect(try files(plan).isEmpty)
        let said = lines.all.filter { $0.contains("figures") }
        #expect(said.count == 1)
        #expect(said.first?.hasPrefix("there will be no figures: Cairo is not installed here (") == true)
    }

    @Test func aRunWithoutFiguresDoesNotAskForCairo() throws {
        let folder = try TemporaryFolder()
        let lines = Lines()

        try Example.perform(try Example.plan(folder), lines: lines, drawingLibraries: [])

        #expect(lines.all.allSatisfy { !$0.contains("figures") })
    }

    @Test func figuresThatCannotBeWrittenAreMentionedOnce() throws {
        let folder = try TemporaryFolder()
        let lines = Lines()
        let plan = try Example.plan(folder, extra: Self.frequency)
        try plan.folder.create()
        try FileManager.default.createDirectory(
            atPath: plan.folder.figures(step: 0), withIntermediateDirectories: true)

        guard case .finished = try Example.perform(plan, lines: lines) else {
            Issue.record("the run did not finish")
            return
        }

        let said = lines.all.filter { $0.contains("figures") }
        #expect(said.count == 1)
        #expect(
            said.first?.hasPrefix("figures of step 0 are missing: cannot write \(plan.folder.figures(step: 0)):")
                == true)
    }
}

/// What figures cost the thread that trains, in its own processor time: drawing is another thread's, and other programs'
/// load does not count.
@Suite(.serialized) struct FigureCostTests {
    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let start = now()
        try body()
        return now() - start
    }

    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all)"),
        arguments: ["tms_5-2-id", "resid_mlp1"])
    func atMostTwoPercentOfAPublishedRun(name: String) throws {
        let experiment = try Registry.experiment(named: name)
        let frequency = try #require(experiment.config.imageFreq)
        let folder = try TemporaryFolder()
        func plan(_ run: String, figures: Int?) throws -> RunPlan {
            var config = try experiment.config.setting("steps", to: .int(300)).setting("save_freq", to: .null)
            config = try config.setting("image_freq", to: figures.map { .int($0) } ?? .null)
            return RunPlan(
                id: run, experiment: name, config: try config.setting("wandb_project", to: .null),
                target: experiment.target,
                folder: RunFolder(path: folder.path + "/" + run),
                targets: TargetCache(folder: TargetsFolder(path: folder.path + "/targets")), threads: 1,
                checkpointInterval: .seconds(3000))
        }
        // The target is trained by the first of them.
        try Example.perform(plan("first", figures: nil))
        let without = try seconds { try Example.perform(plan("without", figures: nil)) }
        let with = try seconds { try Example.perform(plan("with", figures: 50)) }
        let perSet = (with - without) / 7
        let share = perSet / (without / 300 * Double(frequency))
        print("FIGURE \(name): \(perSet * 1000) ms a set, a step \(without / 300 * 1000) ms, \(share * 100) %")
        #expect(share < 0.02)
    }
}
