import Downloads
import Experiments
import Foundation
import Layout
import Runs
import TestFiles
import Testing
import WandB

/// Times and slots are measured with the target that a run would have, wherever that comes from.
struct TargetSampleTests {
    private static let fixture = Checkout.fixture("torch/tms")

    @Test func aDownloadedTargetIsMeasuredWith() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/runs", withIntermediateDirectories: false)
        try FileManager.default.copyItem(atPath: Self.fixture, toPath: folder.path + "/runs/project-abc")
        let cache = TargetCache(
            folder: TargetsFolder(path: folder.path + "/targets"),
            downloads: TargetDownloads(folder: folder.path + "/runs", settings: WandBSettings()))
        let text = Example.config().replacing("train:tiny", with: "wandb:project/runs/abc")
        let config = try ExperimentConfig.load(yaml: text, source: "test")

        let trials = try SlotMeasurement(config: config, target: nil, cache: cache)
            .trials(cores: 1, threads: 1, megabytes: nil, goesOn: { true })

        #expect(trials.map(\.slots) == [1])
        let timing = try RunTiming.measure(config, target: nil, cache: cache, threads: 1, within: .zero)
        #expect(timing.secondsPerStep > 0)
    }

    @Test func aCopyOfAUsersFilesIsMeasuredWith() throws {
        let folder = try TemporaryFolder()
        let text = Example.config().replacing("train:tiny", with: "/gone/since")
        let config = try ExperimentConfig.load(yaml: text, source: "test")
        let cache = TargetCache(folder: TargetsFolder(path: folder.path + "/targets"))
        _ = try SlotMeasurement(config: config, target: nil, copy: Self.fixture, cache: cache)
        #expect(throws: RunError.invalid("there is no /gone/since")) {
            try SlotMeasurement(config: config, target: nil, cache: cache)
        }
    }
}
