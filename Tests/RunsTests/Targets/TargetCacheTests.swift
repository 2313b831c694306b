import Artifacts
import Experiments
import Foundation
import Layout
import Runs
import Targets
import TestFiles
import Testing

struct TargetCacheTests {
    @Test func agentsThatNeedTheSameTargetAtOnceTrainItOnce() async throws {
        let folder = try TemporaryFolder()
        let lines = Lines()
        let config = try TargetConfig.load(yaml: Example.target, source: "test")
        let cache = TargetCache(folder: TargetsFolder(path: folder.path + "/targets"))
        let place = cache.folder.target(kind: "tms", digest: SHA256.hex(config.canonicalJSON()))
        try DurableFile.createFolder(place + ".99999999.tmp")

        let hashes = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    try cache.trained(
                        config, threads: 1,
                        hooks: RunHooks(
                            shouldStop: { false }, progress: { _ in }, say: { lines.add($0) })
                    )?.hash
                }
            }
            return try await group.reduce(into: [String?]()) { $0.append($1) }
        }

        #expect(Set(hashes).count == 1)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/targets")
        #expect(!left.contains { $0.hasSuffix(".tmp") }, "what a killed agent left is gone: \(left)")
        #expect(lines.all.count { $0.hasPrefix("the target is trained") } == 1)
    }

    @Test func aSeedThatLeavesFeaturesUnrepresentedIsFollowedByTheNext() throws {
        let folder = try TemporaryFolder()
        let lines = Lines()
        // Five features in two dimensions, trained too briefly to fit for most seeds.
        let config = try TargetConfig.load(
            yaml: Example.target.replacingOccurrences(
                of: "n_features: 4, n_hidden: 3", with: "n_features: 5, n_hidden: 1")
                + "\nmax_seeds: 2", source: "test")

        let error = #expect(throws: RunError.self) {
            try TargetCache(folder: TargetsFolder(path: folder.path)).trained(
                config, threads: 1,
                hooks: RunHooks(
                    shouldStop: { false }, progress: { _ in }, say: { lines.add($0) }))
        }

        #expect(
            error == .failed("no target with seeds 0…1 represents every feature; raise max_seeds or steps"))
        #expect(
            lines.all.contains { $0.hasPrefix("seed 0 leaves features ") && $0.hasSuffix("tries the next") })
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy {
                $0.hasSuffix(".lock")
            })
    }

    @Test func aTrainingThatIsStoppedLeavesNothingBehind() throws {
        let folder = try TemporaryFolder()
        let config = try TargetConfig.load(yaml: Example.target, source: "test")

        let target = try TargetCache(folder: TargetsFolder(path: folder.path)).trained(
            config, threads: 1,
            hooks: RunHooks(shouldStop: { true }, progress: { _ in }, say: { _ in }))

        #expect(target == nil)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy {
                $0.hasSuffix(".lock")
            })
    }

    @Test func weightsWithTheirTrainingConfigBesideThemAreATarget() throws {
        let folder = try TemporaryFolder()
        let config = try TargetConfig.load(yaml: Example.target, source: "test")
        let quiet = RunHooks(shouldStop: { false }, progress: { _ in }, say: { _ in })
        #expect(try TargetCache.train(config, threads: 1, into: folder.path + "/mine", hooks: quiet))

        let plan = try Example.plan(folder).with(path: folder.path + "/mine/tms.safetensors")

        guard case .finished = try Example.perform(plan) else {
            Issue.record("the run did not finish")
            return
        }
        try FileManager.default.removeItem(atPath: folder.path + "/mine/tms_train_config.yaml")
        #expect(
            throws: RunError.invalid(
                "\(folder.path)/mine/tms.safetensors needs its training config beside it: there is neither "
                    + "tms_train_config.yaml nor resid_mlp_train_config.yaml in \(folder.path)/mine")
        ) {
            try Example.perform(
                try Example.plan(folder, run: "other").with(path: folder.path + "/mine/tms.safetensors"))
        }
    }
}
