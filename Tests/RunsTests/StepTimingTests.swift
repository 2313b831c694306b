import Experiments
import Runs
import Testing

struct StepTimingTests {
    @Test func aLargerBatchTakesLonger() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder)
        let text = Example.config().replacing("batch_size: 64", with: "batch_size: 65536")
        let larger = try ExperimentConfig.load(yaml: text, source: "larger")
        let small = try StepTiming.secondsPerStep(
            plan.config, target: plan.target, threads: 1, within: .milliseconds(50))
        let large = try StepTiming.secondsPerStep(larger, target: plan.target, threads: 1, within: .milliseconds(50))
        #expect(small > 0)
        #expect(large > 3 * small)
    }

    @Test func aTargetThatIsNotHereCannotBeTimed() throws {
        let text = Example.config().replacing("train:tiny", with: "wandb:project/runs/abc")
        let config = try ExperimentConfig.load(yaml: text, source: "test")
        #expect(throws: RunError.invalid("its target is not here yet")) {
            try StepTiming.secondsPerStep(config, target: nil, threads: 1, within: .milliseconds(50))
        }
    }
}
