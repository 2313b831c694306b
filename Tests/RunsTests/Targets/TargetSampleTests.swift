import Downloads
import Experiments
import Foundation
import Layout
import TestFiles
import Testing
import WandB

@testable import Runs

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
            .trials(cores: 1, runs: 9, threads: 1, megabytes: nil, goesOn: { true })

        #expect(trials.map(\.slots) == [1])
        let timing = try RunTiming.measure(config, target: nil, cache: cache, threads: 1, within: .zero)
        #expect(timing.secondsPerStep > 0)
    }

    @Test func noMoreRunsAtOnceAreTriedThanThereAre() throws {
        let folder = try TemporaryFolder()
        let text = Example.config().replacing("train:tiny", with: Self.fixture)
        let config = try ExperimentConfig.load(yaml: text, source: "test")
        let cache = TargetCache(folder: TargetsFolder(path: folder.path + "/targets"))
        let measurement = try SlotMeasurement(config: config, target: nil, cache: cache)

        let trials = try measurement.trials(cores: 8, runs: 3, threads: nil, megabytes: nil, goesOn: { true })

        #expect(trials.map(\.slots) == [1, 2, 3])
        #expect(trials.map(\.threads) == [8, 4, 2])
        #expect(trials.allSatisfy { $0.stepsPerSecond > 0 })
    }

    @Test func fewRunsGetManyThreadsAndManyRunsFewEach() {
        // As it is where a second core adds less to a run than a second run does.
        let trials = [(1, 8, 30.0), (2, 4, 40), (4, 2, 50), (8, 1, 60)].map {
            SlotMeasurement.Trial(slots: $0.0, threads: $0.1, stepsPerSecond: $0.2)
        }
        func slots(_ runs: Int) -> Int? { SlotMeasurement.best(of: trials, runs: runs)?.slots }
        #expect(slots(1) == 1)
        #expect(slots(2) == 2)
        #expect(slots(3) == 4)
        // Four at once would be at work on the fifth alone.
        #expect(slots(5) == 8)
        #expect(slots(9) == 4)
        #expect(slots(1000) == 8)
        #expect(SlotMeasurement.best(of: [], runs: 1) == nil)
        #expect(SlotMeasurement.best(of: [trials[0], trials[0]], runs: 0)?.slots == 1)
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
