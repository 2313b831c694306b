import Experiments
import Runs
import TestFiles
import Testing

struct RunTimingTests {
    @Test func aLargerBatchTakesLonger() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder)
        let text = Example.config().replacing("batch_size: 64", with: "batch_size: 65536")
        let larger = try ExperimentConfig.load(yaml: text, source: "larger")
        let small = try RunTiming.measure(
            plan.config, target: plan.target, cache: plan.targets, threads: 1, within: .milliseconds(50))
        let large = try RunTiming.measure(
            larger, target: plan.target, cache: plan.targets, threads: 1, within: .milliseconds(50))
        #expect(small.secondsPerStep > 0)
        #expect(large.secondsPerStep > 3 * small.secondsPerStep)
        #expect(small.secondsPerFigures == 0 && small.secondsPerRun > 0)
    }

    @Test func figuresAreTimedByThemselves() throws {
        let plan = try Example.plan(try TemporaryFolder(), extra: "image_freq: 5")
        let timing = try RunTiming.measure(
            plan.config, target: plan.target, cache: plan.targets, threads: 1, within: .milliseconds(1))
        #expect(timing.secondsPerFigures > timing.secondsPerStep)
    }

    @Test func aRunThatDoesNotFitIntoMemoryIsNotTried() throws {
        let text = Example.config().replacing("C: 6", with: "C: 2000000000")
        let config = try ExperimentConfig.load(yaml: text, source: "test")
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder)
        let error = #expect(throws: RunError.self) {
            try RunTiming.measure(
                config, target: plan.target, cache: plan.targets, threads: 1, within: .milliseconds(1))
        }
        #expect(error?.description.contains("of memory") == true)
    }

    @Test func aTargetThatIsNotHereCannotBeTimed() throws {
        let folder = try TemporaryFolder()
        let text = Example.config().replacing("train:tiny", with: "wandb:project/runs/abc")
        let config = try ExperimentConfig.load(yaml: text, source: "test")
        #expect(throws: RunError.invalid("its target is not here yet")) {
            try RunTiming.measure(
                config, target: nil, cache: try Example.plan(folder).targets, threads: 1, within: .milliseconds(50))
        }
    }
}
