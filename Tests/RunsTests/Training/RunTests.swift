import Artifacts
import Foundation
import Layout
import Runs
import TestFiles
import Testing

struct RunTests {
    private func numbers(of row: Substring) -> [String: Double] {
        let pairs = row.dropFirst().dropLast().split(separator: ",").map { $0.split(separator: ":") }
        return Dictionary(
            pairs.map { (String($0[0].dropFirst().dropLast()), Double($0[1]) ?? .nan) }, uniquingKeysWith: { $1 })
    }

    @Test func aRunLeavesConfigMetricsAndModel() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder, extra: "save_freq: 20")

        guard case .finished(let metrics) = try Example.perform(plan) else {
            Issue.record("the run did not finish")
            return
        }

        let files = try FileManager.default.contentsOfDirectory(atPath: plan.folder.path).sorted()
        #expect(
            files == [
                "checkpoint_60.safetensors", "final_config.yaml", "metrics.jsonl", "model_20.safetensors",
                "model_40.safetensors", "model_60.safetensors",
            ])
        let rows = String(decoding: try Example.bytes(plan, "metrics.jsonl"), as: UTF8.self).split(
            separator: "\n")
        #expect(rows.count == 10)  // steps 0, 7, …, 56, 60
        #expect(rows[1].hasPrefix("{\"misc/step\":7,\"misc/lr\":"))
        // Foundation's JSON parser is off by a last bit now and then; Swift's own is exact.
        let last = numbers(of: rows[9])
        #expect(last == metrics)
        #expect(
            Set(last.keys) == [
                "misc/step", "misc/lr", "misc/grad_norm", "loss/total", "loss/faithfulness",
                "loss/stochastic_recon",
                "loss/stochastic_recon_layerwise", "loss/importance_minimality", "linear1/n_alive_01",
                "linear1/ci_l0", "linear2/n_alive_01", "linear2/ci_l0", "mmcs", "ml2r",
            ])
        let model = try SafeTensors(contentsOf: plan.folder.model(step: 60))
        #expect(model.arrays["model.linear1.weight"]?.shape == [3, 4])
        #expect(model.arrays["components.linear1.V"]?.shape == [4, 6])
        #expect(model.arrays["gates.linear2.mlp_out"]?.shape == [6, 4])
    }

    @Test(arguments: [1, 8, 29, 60])
    func aRunThatWasInterruptedEndsWithTheSameBytes(after: Int) throws {
        let folder = try TemporaryFolder()
        let calm = try Example.plan(folder, run: "calm")
        let broken = try Example.plan(folder, run: "broken")
        try Example.perform(calm)

        #expect(try Example.perform(broken, stopAfter: after) == .interrupted(step: after))
        guard case .finished = try Example.perform(broken) else {
            Issue.record("the run did not finish")
            return
        }

        for name in ["metrics.jsonl", "model_60.safetensors", "final_config.yaml"] {
            #expect(try Example.bytes(calm, name) == Example.bytes(broken, name), "\(name)")
        }
    }

    @Test func anAttemptThatLostItsClaimLeavesTheOthersFilesAlone() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder)
        try Example.perform(Example.plan(folder, run: "another"))  // trains the target
        try Example.perform(plan, stopAfter: 10)
        let later = try Example.bytes(plan, "checkpoint_10.safetensors")
        // The other attempt has come further in the meantime.
        try later.write(to: URL(filePath: plan.folder.path + "/checkpoint_50.safetensors"))

        let outcome = try Example.perform(plan) { $0 < 5 ? .ours : .lost }

        #expect(outcome == .interrupted(step: 14))
        let files = try FileManager.default.contentsOfDirectory(atPath: plan.folder.path)
        #expect(
            files.filter { $0.hasPrefix("checkpoint_") }.sorted()
                == ["checkpoint_10.safetensors", "checkpoint_50.safetensors"])
    }

    @Test func nothingIsWrittenWhileItIsUnknownWhoseTheFilesAreAndEverythingAfterwards() throws {
        let folder = try TemporaryFolder()
        let calm = try Example.plan(folder, run: "calm")
        try Example.perform(calm)
        let plan = try Example.plan(folder, checkpointInterval: .zero)
        let seen = Lines()
        let path = plan.folder.path

        // A state file that is out of reach for a while, and comes back before the attempt is over.
        let outcome = try Example.perform(plan) { look in
            guard (20...60).contains(look) else { return .ours }
            let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            let rows = (try? Data(contentsOf: URL(filePath: path + "/metrics.jsonl")))?.count ?? -1
            seen.add("\(files.sorted()) \(rows)")
            return .unknown
        }

        guard case .finished = outcome else {
            Issue.record("the run did not finish")
            return
        }
        #expect(seen.all.count > 30 && Set(seen.all).count == 1, "\(Set(seen.all))")
        for name in ["metrics.jsonl", "model_60.safetensors"] {
            #expect(try Example.bytes(calm, name) == Example.bytes(plan, name), "\(name)")
        }
    }

    @Test func anAttemptThatNeverLearnsThatItWasSupersededWritesIntoNothing() throws {
        let folder = try TemporaryFolder()
        let calm = try Example.plan(folder, run: "calm")
        try Example.perform(calm)
        let plan = try Example.plan(folder)

        // In the middle of the first attempt, before one of its rows, a second one does the whole run.
        let outcome = try Example.perform(plan) { look in
            if look == 30 { _ = try? Example.perform(plan) }
            return look < 40 ? .ours : .lost
        }

        #expect(outcome == .interrupted(step: 39))
        for name in ["metrics.jsonl", "model_60.safetensors"] {
            #expect(try Example.bytes(calm, name) == Example.bytes(plan, name), "\(name)")
        }
    }

    @Test func filesThatAKilledAttemptDidNotFinishAreRemoved() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder)
        try FileManager.default.createDirectory(atPath: plan.folder.path, withIntermediateDirectories: true)
        let left = plan.folder.path + "/checkpoint_10.safetensors.123-456.tmp"
        try Data("half a file".utf8).write(to: URL(filePath: left))

        try Example.perform(plan)

        #expect(!FileManager.default.fileExists(atPath: left))
    }

    @Test func aFolderThatCannotBeListedIsNotTakenForANewRun() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder)
        #expect(throws: FileError.self) {
            try RunExecution.removeCheckpoints(in: RunFolder(path: plan.folder.path + "/absent"))
        }
    }

    enum Damage: CaseIterable {
        case flippedBit, cutShort, empty

        var reason: String {
            self == .flippedBit ? "its checksum does not match" : "is not a usable safetensors file"
        }

        func damage(_ bytes: inout Data) {
            switch self {
            case .flippedBit: bytes[bytes.count - 5] ^= 0x40
            case .cutShort: bytes.removeLast(bytes.count / 2)
            case .empty: bytes = Data()
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func aDamagedCheckpointIsPassedOverForTheOneBefore(damage: Damage) throws {
        let folder = try TemporaryFolder()
        let calm = try Example.plan(folder, run: "calm")
        let broken = try Example.plan(folder, run: "broken")
        try Example.perform(calm)
        try Example.perform(broken, stopAfter: 10)
        try Example.perform(broken, stopAfter: 10)
        let newest = broken.folder.path + "/checkpoint_20.safetensors"
        var bytes = try Data(contentsOf: URL(filePath: newest))
        damage.damage(&bytes)
        try bytes.write(to: URL(filePath: newest))

        let lines = Lines()
        try Example.perform(broken, lines: lines)

        let told = lines.all.filter { $0.hasPrefix("\(newest) is skipped: ") }
        #expect(told.count == 1 && told[0].contains(damage.reason), "\(lines.all)")
        #expect(lines.all.contains("goes on from step 10"))
        #expect(try Example.bytes(calm, "metrics.jsonl") == Example.bytes(broken, "metrics.jsonl"))
        #expect(
            try Example.bytes(calm, "model_60.safetensors") == Example.bytes(broken, "model_60.safetensors"))
    }

    @Test func aRowThatACrashCutShortIsWrittenAgain() throws {
        let folder = try TemporaryFolder()
        let calm = try Example.plan(folder, run: "calm")
        let broken = try Example.plan(folder, run: "broken")
        try Example.perform(calm)
        try Example.perform(broken, stopAfter: 20)
        let file = try FileHandle(forWritingTo: URL(filePath: broken.folder.metrics))
        try file.seekToEnd()
        try file.write(contentsOf: Data("{\"misc/step\":21,\"misc/lr\":0.0".utf8))
        try file.close()

        try Example.perform(broken)

        #expect(try Example.bytes(calm, "metrics.jsonl") == Example.bytes(broken, "metrics.jsonl"))
    }

    @Test func aLossThatIsNoLongerFiniteEndsTheRunWithItsStateSaved() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder, extra: "").with(lr: "1e30")

        let error = #expect(throws: RunError.self) { try Example.perform(plan) }

        let text = try #require(error).description
        #expect(text.contains("at step"))
        #expect(text.hasPrefix("loss/"))
        let files = try FileManager.default.contentsOfDirectory(atPath: plan.folder.path)
        #expect(files.contains { $0.hasPrefix("checkpoint_") })
    }

    @Test func aPatternThatMatchesNothingIsRefusedBeforeTraining() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder).with(patterns: "[linear1, linear3]")

        #expect(
            throws: RunError.invalid(
                "target_module_patterns: 'linear3' matches no module; the target has linear1, linear2")
        ) { try Example.perform(plan) }
    }
}
