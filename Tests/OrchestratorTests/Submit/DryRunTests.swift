import Experiments
import Foundation
import Store
import Synchronization
import Testing

@testable import Orchestration
@testable import Orchestrator

/// The estimate of `submit --dry-run`.
struct DryRunTests {
    let bench: Workbench
    let cache: CacheFolder

    init() throws {
        bench = try Workbench()
        cache = CacheFolder(path: bench.cache)
    }

    private struct Estimate: Decodable {
        struct Item: Decodable {
            struct Origin: Decodable {
                let finishedRuns, sizesTimed, sizesScaled: Int
                let notKnown: String?
            }
            let experiment: String
            let seconds, secondsPerSpecMin, secondsPerSpecMax: Double?
            let timesFrom: Origin
            let diskBytes, memoryBytes, tooLarge: Int?
            let files: Int
        }
        let experiments: [Item]
        let coreHours, wallClockSeconds: Double?
        let diskBytes: Int?
        let checkpointBytes: Int
        let threads, files: Int
        let memoryLimitBytes: Int?
        let warnings: [String]
    }

    private func estimate(_ arguments: [String], worker: String) async throws -> Estimate {
        let answer = try await bench.orchestrator(
            ["submit", "--dry-run", "--json", "--executor", "local"] + arguments, adding: ["SPD_WORKER": worker])
        try #require(answer.code == 0, "\(answer.error)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Estimate.self, from: Data(answer.output.utf8))
    }

    /// A worker whose steps take 0.01 ms for each row of the batch.
    private func worker() throws -> String {
        try bench.writeProgram(
            #"""
            rows=$(printf %s "$6" | grep -o 'batch_size[^,]*' | grep -o '[0-9]*')
            echo "{\"seconds_per_step\": ${rows%%[!0-9]*}e-5}"
            """#, to: "worker")
    }

    /// Jobs with a run each that has taken so many seconds per step.
    private func finish(
        _ paces: [Double], batchSize: Int = 4096, steps: Int = 40_000, agents: Int = LocalAgents.cores,
        settle: (Store, Claim) throws -> Void = { try $0.complete($1, metrics: [:]) }
    ) throws {
        let experiment = try Registry.experiment(named: "tms_5-2")
        let config = try experiment.config.setting("batch_size", to: .int(batchSize)).setting("steps", to: .int(steps))
        let spec = NewSpec(
            experiment: "tms_5-2", config: config.json(), overrides: "[]",
            target: experiment.target?.canonicalJSON(), steps: steps)
        for pace in paces {
            let clock = Clock()
            let store = try Store(cache, now: { clock.time })
            let job = try store.insertJob(
                NewJob(token: UUID().uuidString, submittedFrom: "/", executor: .local, agentCount: agents),
                specs: [spec]
            ) { _ in }.id
            let agent = try store.registerAgent(
                AgentIdentity(host: "n", pid: 1, slurm: SlurmPlace(environment: [:])), for: job)
            // Half of the work in each of two attempts, and a day of waiting between them.
            for part in 0..<2 {
                let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(1e9)))
                clock.pass(pace * Double(steps) / 2)
                if part == 0 {
                    try store.release(claim, reason: "the allocation ended")
                    clock.pass(86_400)
                } else {
                    try settle(store, claim)
                }
            }
        }
    }

    @Test func whatIsWrongWithSettingsForWandBIsToldBeforehand() async throws {
        try FileManager.default.createSymbolicLink(
            atPath: bench.path + "/.env", withDestinationPath: bench.path + "/moved/.env")
        let dryRun = ["submit", "--dry-run", "--executor", "local", "--experiments", "tms_5-2"]
        let answer = try await bench.orchestrator(dryRun, adding: ["SPD_WORKER": try worker()])
        #expect(answer.code == 0)
        #expect(
            answer.error
                == "orchestrator: W&B: \(bench.path)/.env is ignored: it is a dangling link\n")
        let bad = try await bench.orchestrator(
            dryRun, adding: ["SPD_WORKER": try worker(), "WANDB_MODE": "sometimes"])
        #expect(bad.error.contains("W&B: WANDB_MODE"), "\(bad.error)")
    }

    @Test func theEstimateCanBeRead() async throws {
        let sweep = try bench.write(
            "tms_5-2: {seed: {values: [0, 1, 1]}, C: {values: [20, 30, 40, 50]}, steps: {values: [1000]}}", to: "s.yaml"
        )
        try finish([0.25], steps: 1000)
        let answer = try await bench.orchestrator(
            [
                "submit", "--experiments", "tms_5-2,resid_mlp1", "--sweep", sweep, "--n-agents",
                String(LocalAgents.cores),
                "--executor", "local", "--dry-run",
            ], adding: ["SPD_WORKER": try worker()])
        #expect(answer.code == 0, "\(answer.error)")
        try expectSnapshot(
            answer.output.replacing(bench.path, with: "HERE")
                .replacing("\(LocalAgents.cores) agents", with: "ALL agents")
                .replacing("\(LocalAgents.cores) local agents", with: "ALL local agents")
                .replacing(/: [^:\n]* with ALL agents/, with: ": SO LONG with ALL agents")
                .replacing(/up to [^ ]* [kM]B/, with: "up to SO MUCH"), "dry-run-estimate.txt")
    }

    @Test func finishedRunsOfTheSameSizeTellTheTime() async throws {
        try finish([0.002, 0.003, 0.010])
        try finish([9], batchSize: 2048)  // another size
        try finish([9], steps: 9_999)  // too short to tell of 40,000 steps
        try finish([9], agents: LocalAgents.cores + 1 == 2 ? 3 : 1)  // on other threads, where there are some
        try finish([9]) { store, claim in try store.fail(claim, error: "no", retry: false) }
        let estimate = try await estimate(
            ["--experiments", "tms_5-2", "--threads", "1"], worker: "/bin/false")
        let item = try #require(estimate.experiments.first)
        #expect(abs((item.seconds ?? 0) - 0.003 * 40_000) < 1e-6, "the median, without the waiting")
        #expect(item.timesFrom.finishedRuns == 3 || LocalAgents.cores == 1)
        #expect(item.timesFrom.sizesTimed == 0 && item.timesFrom.notKnown == nil)
        #expect(abs((estimate.coreHours ?? 0) - 120.0 / 3600) < 1e-9)
        #expect(estimate.wallClockSeconds == item.seconds)
    }

    @Test func whatNoFinishedRunTellsIsTimedAtThreeSizesAndScaledBetweenThem() async throws {
        let sweep = try bench.write(
            "tms_5-2: {batch_size: {values: [500, 100, 200, 400, 300]}, seed: {values: [0, 1]}}", to: "s.yaml")
        let estimate = try await estimate(
            ["--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "3"], worker: try worker())
        let item = try #require(estimate.experiments.first)
        #expect(item.timesFrom.sizesTimed == 3 && item.timesFrom.sizesScaled == 2)
        #expect(abs((item.secondsPerSpecMin ?? 0) - 40) < 1e-6 && abs((item.secondsPerSpecMax ?? 0) - 200) < 1e-6)
        #expect(abs((item.seconds ?? 0) - 2 * (200 + 40 + 80 + 160 + 120)) < 1e-6)
        // In order and as places are free: 200 160 120 | 200 160 | 40 40 80 80 120.
        #expect(abs((estimate.wallClockSeconds ?? 0) - 480) < 1e-6)
    }

    @Test func aTimeThatCannotBeHadIsSaidToBeUnknown() async throws {
        let quick = try await estimate(["--experiments", "tms_5-2,tms_40-10"], worker: "/bin/false")
        #expect(quick.coreHours == nil && quick.experiments.allSatisfy { $0.seconds == nil })
        #expect(quick.experiments[0].timesFrom.notKnown == "this worker cannot time steps")
        #expect((quick.diskBytes ?? 0) > 100_000)
        let hanging = try bench.writeProgram("exec sleep 60", to: "worker")
        let start = ContinuousClock.now
        let slow = try await estimate(["--experiments", "tms_5-2"], worker: hanging)
        #expect(slow.experiments[0].timesFrom.notKnown == "a step could not be timed within 3 s")
        #expect(ContinuousClock.now - start < .seconds(20))
        // Where some sizes are known and others not, both are said.
        try finish([0.002])
        let sweep = try bench.write("tms_5-2: {batch_size: {values: [4096, 512, 256]}}", to: "s.yaml")
        let partly = try await bench.orchestrator(
            [
                "submit", "--dry-run", "--executor", "local", "--experiments", "tms_5-2", "--sweep", sweep,
                "--n-agents", String(LocalAgents.cores),
            ], adding: ["SPD_WORKER": "/bin/false"])
        #expect(partly.output.contains("1 finished run, 2 sizes not known: this worker cannot time steps"))
        let missing = try await bench.orchestrator(
            ["submit", "--dry-run", "--experiments", "tms_5-2"], adding: ["SPD_WORKER": "/no/worker"])
        #expect(missing.code == 0)
        #expect(missing.output.contains("not known: SPD_WORKER names /no/worker, which cannot be run"))
    }

    @Test func figuresAndWhatARunTakesOnceAreInTheTime() async throws {
        let sweep = try bench.write("tms_5-2: {seed: {values: [0, 1, 2, 3]}, steps: {values: [2]}}", to: "s.yaml")
        let worker = try bench.writeProgram(
            #"echo '{"seconds_per_step": 0.001, "seconds_per_figures": 0.2, "seconds_per_run": 0.05}'"#, to: "worker")
        // A long run tells nothing of runs of two steps.
        try finish([0.001], steps: 40_000)
        let estimate = try await estimate(["--experiments", "tms_5-2", "--sweep", sweep], worker: worker)
        let item = try #require(estimate.experiments.first)
        // Two steps, figures before the first and at the end.
        #expect(abs((item.secondsPerSpecMax ?? 0) - (0.002 + 0.4 + 0.05)) < 1e-9)
        #expect(item.timesFrom.finishedRuns == 0)
        #expect(estimate.files == 4 * (item.files / 4) && item.files >= 4 * 6)
    }

    @Test func memoryIsComparedWithWhatThereIs() async throws {
        let sweep = try bench.write("global: {C: {values: [2000000000, 20, 21]}}", to: "s.yaml")
        let arguments = ["--experiments", "tms_5-2", "--sweep", sweep]
        let estimate = try await estimate(arguments, worker: try worker())
        #expect(estimate.experiments[0].tooLarge == 1)
        #expect((estimate.experiments[0].memoryBytes ?? 0) > 100_000_000_000)
        let limit = RunDetails.size(try #require(estimate.memoryLimitBytes))
        let warning = try #require(estimate.warnings.first)
        #expect(warning.hasPrefix("1 of 3 specs of tms_5-2 needs more memory than there is, up to "))
        #expect(warning.hasSuffix("is \(limit) (the first: C=2000000000)"))
    }

    @Test func whatNoAgentHasMemoryForIsRefusedBeforeItIsStored() async throws {
        let all = try bench.write("global: {C: {values: [2000000000, 2000000001]}}", to: "all.yaml")
        let some = try bench.write("global: {C: {values: [2000000000, 20]}}", to: "some.yaml")
        for more in [[], ["--dry-run"]] {
            let answer = try await bench.orchestrator(
                ["submit", "--executor", "local", "--experiments", "tms_5-2", "--sweep", all] + more)
            #expect(answer.code == 2 && answer.output.isEmpty)
            #expect(
                answer.error.contains(
                    /none of the 2 specs fits into memory: the smallest needs [\d.]+ TB, .+ is [\d.]+ [GT]B\n/),
                "\(answer.error)")
        }
        #expect(bench.files().isEmpty)
        let stored = try await bench.orchestrator(
            ["submit", "--executor", "local", "--experiments", "tms_5-2", "--sweep", some])
        #expect(stored.code == 0)
        #expect(
            stored.error.hasPrefix("orchestrator: 1 of 2 specs of tms_5-2 needs more memory than there is, up to "),
            "\(stored.error)")
    }

    @Test(arguments: [
        ("4G", 4 << 30), ("512", 512 << 20), ("2048K", 2 << 20), ("1t", 1 << 40), ("0", nil), ("x", nil),
    ])
    func sizesAreReadAsSbatchReadsThem(text: String, bytes: Int?) {
        #expect(MemoryRoom.bytes(text) == bytes)
    }

    @Test func aFullDiskOrQuotaIsTold() {
        let places: [(bytes: Int?, files: Int?, owner: String)] = [
            (1000, 7, "a"), (nil, 0, "b"), (1 << 30, nil, "c"), (nil, nil, "d"), (0, nil, "e"),
        ]
        #expect(
            StoragePlace(free: places).exhausted
                == ["a", "b", "e"].map { "\($0) has no space left: agents wait until there is space" })
    }

    @Test func onSlurmARunHasWhatItsJobAsksFor() {
        var options = JobOptions(slots: .count(1), threads: nil)
        func room() -> MemoryRoom? { MemoryRoom(executor: .slurm, options: options, threads: 2, environment: [:]) }
        #expect(room() == nil)
        options.resources = ["mem": "4G", "cpus-per-task": "8"]
        #expect(room()?.perRun == 4 << 30)
        options.resources["mem"] = nil
        options.sbatchArguments = ["--mem-per-cpu=1G"]
        #expect(room()?.perRun == 8 << 30)
        options.sbatchArguments = ["--mem", "2G"]
        #expect(room()?.perRun == 2 << 30)
    }

    @Test func theRealWorkerTimesSteps() throws {
        let timer = StepTimer(
            worker: Workbench.products + "/worker", environment: [:], threads: 1, patience: .seconds(120))
        let cost = try timer.times([SpecDraft(Registry.experiment(named: "tms_5-2"))])[0].get()
        #expect(cost.step > 0 && cost.step < 100)
        #expect(cost.figures > 0 && cost.once > 0)
    }
}

/// A clock that the test moves.
private final class Clock: Sendable {
    private let now = Mutex(1_000_000.0)

    var time: Timestamp { Timestamp(rawValue: now.withLock { $0 }) }

    func pass(_ seconds: Double) { now.withLock { $0 += seconds } }
}
