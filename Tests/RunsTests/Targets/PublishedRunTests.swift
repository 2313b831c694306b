import Experiments
import Foundation
import Layout
import Runs
import TestFiles
import Testing

/// Published experiments at full length; minutes, so only `make test-all` runs them.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all) runs these"))
struct PublishedRunTests {
    @Test(arguments: ["tms_5-2", "tms_5-2-id"])
    func aFullRunRecoversTheTargetsFeatures(name: String) throws {
        let folder = try TemporaryFolder()
        let experiment = try Registry.experiment(named: name)
        let plan = RunPlan(
            id: "full", experiment: name, config: experiment.config, target: experiment.target,
            folder: RunFolder(path: folder.path + "/run"),
            targets: TargetCache(folder: TargetsFolder(path: folder.path + "/targets")),
            threads: 2, checkpointInterval: .seconds(300))

        guard case .finished(let metrics) = try Example.perform(plan) else {
            Issue.record("the run did not finish")
            return
        }

        #expect(try #require(metrics["mmcs"]) > 0.99)
        #expect((0.95...1.05).contains(try #require(metrics["ml2r"])))
    }
}
