import Artifacts
import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator
@testable import Slurm

/// What jobs cost and what they take on disk, with the real worker.
struct CostAndDiskTests {
    let bench: Workbench

    init() async throws {
        bench = try Workbench(adding: TrainingEndToEndTests.realWorker.merging(["PATH": Cluster.path]) { $1 })
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 600), to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        _ = try bench.write("small:\n  seed:\n    values: [0, 1, 2]\n", to: "sweep.yaml")
        let answer = try await bench.orchestrator([
            "submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "local", "--watch",
        ])
        try #require(answer.code == 0, "\(answer.error)")
    }

    @Test func costsAreTold() async throws {
        let answer = try await bench.orchestrator(["status", "1", "--cost", "--json"])
        #expect(answer.code == 0, "\(answer.error)")
        struct Report: Decodable {
            struct Item: Decodable {
                let wall_seconds: Double, core_hours: Double, cpu_seconds: Double?, peak_memory: Int?
            }
            struct Named: Decodable { let name: String, cost: Item }
            let cost: Item, runs: [Named], agents: [Named], nodes: [Named]
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
        #expect(report.runs.count == 3 && report.agents.count == 1 && report.nodes.count == 1)
        for item in report.runs.map(\.cost) + [report.cost] {
            #expect(item.wall_seconds > 0 && item.core_hours > 0)
            #expect(item.cpu_seconds ?? 0 > 0.01 && item.peak_memory ?? 0 > 1 << 20)
        }
        let shares = report.runs.reduce(0) { $0 + ($1.cost.cpu_seconds ?? 0) }
        #expect(shares <= report.cost.cpu_seconds ?? 0, "runs share what their agent took")
        let text = try await bench.orchestrator(["status", "1", "--cost"])
        #expect(text.output.contains("by the agents' own figures") && text.output.contains("agent 1.1"))
        let csv = try await bench.orchestrator(["export", "1", "--columns", "cpu_seconds,core_hours,peak_memory"])
        #expect(csv.output.components(separatedBy: "\r\n").dropFirst().first?.contains(",") == true)
        let summary = try String(contentsOfFile: bench.cache + "/jobs/1/summary.json", encoding: .utf8)
        #expect(summary.contains(#""core_hours""#))
    }

    @Test func whatJobsShareCountsOnce() async throws {
        struct Report: Decodable {
            struct Item: Decodable { let job: Int?, what: String, bytes: Int, parts: [String: Int] }
            let items: [Item], bytes: Int
        }
        let worker = bench.cache + "/jobs/1/worker"
        let size = try Data(contentsOf: URL(filePath: worker)).count
        try FileManager.default.removeItem(atPath: bench.cache + "/jobs/1/logs")
        try FileManager.default.createDirectory(atPath: bench.cache + "/jobs/1/logs", withIntermediateDirectories: true)
        // The second name is as that of another job that has the same worker.
        try FileManager.default.linkItem(atPath: worker, toPath: bench.cache + "/jobs/1/logs/worker")
        let answer = try await bench.orchestrator(["du", "--json"])
        let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
        #expect(report.items.first { $0.what == "workers" }?.bytes == size, "\(answer.output)\(answer.error)")
        #expect(try #require(report.items.first { $0.job == 1 }?.parts["job"]) < size)
        #expect(report.bytes == report.items.reduce(0) { $0 + $1.bytes })
    }

    @Test func aJobIsArchivedReadAndItsLargeFilesAreCleaned() async throws {
        let before = try await bench.orchestrator(["export", "1", "--columns", "run,seed,loss/total"])
        let history = try await bench.orchestrator(["export", "1", "--history"])
        let runs = try await bench.status(of: 1).runs.map(\.run)
        let usage = try await bench.orchestrator(["du", "1", "--json"])
        #expect(usage.output.contains(#""weights""#), "\(usage.output)\(usage.error)")

        let archived = try await bench.orchestrator(["archive", "1", "a.tar.zst"])
        #expect(archived.code == 0, "\(archived.error)")
        let again = try await bench.orchestrator(["archive", "1", "a.tar.zst"])
        #expect(again.code == 2 && again.error.contains("exists"), "\(again.error)")

        // Of the best run everything stays, of the others what is small.
        let files = bench.files()
        let clean = ["clean", "1", "--where", "seed>=0", "--keep-best", "1"]
        #expect(try await bench.orchestrator(clean).output.contains("Nothing was deleted"))
        #expect(bench.files().filter { !$0.contains("sqlite") } == files.filter { !$0.contains("sqlite") })
        let cleaned = try await bench.orchestrator(clean + ["--yes"])
        #expect(cleaned.code == 0, "\(cleaned.error)")
        #expect(bench.files().count { $0.contains("/model_") } == 1)
        #expect(bench.files().count { $0.hasSuffix("/metrics.jsonl") } == 3)
        let compared = try await bench.orchestrator(["compare", runs[0], runs[1]])
        #expect(
            compared.output.contains(" has no weights (it is done): none are kept"),
            "\(compared.output)\(compared.error)")

        #expect(try await bench.orchestrator(["clean", "1", "--yes"]).code == 0)
        let after = try await bench.orchestrator([
            "export", "1", "--columns", "run,seed,loss/total", "--archive", "a.tar.zst",
        ])
        #expect(after.output == before.output, "\(after.error)")
        let rows = try await bench.orchestrator(["export", "1", "--history", "--archive", "a.tar.zst"])
        #expect(rows.output == history.output)
        let shown = try await bench.orchestrator(["show", runs[1], "--archive", "a.tar.zst"])
        #expect(shown.output.contains("Run \(runs[1])"), "\(shown.error)")
        let plotted = try await bench.orchestrator(["plot", runs[1], "--list", "--archive", "a.tar.zst"])
        #expect(plotted.code == 0, "\(plotted.error)")

        let folders = try await bench.orchestrator(["export", "1", "--columns", "folder", "--archive", "a.tar.zst"])
        #expect(folders.output.contains("\r\nruns/\(runs[1])\r\n"), "\(folders.output)")
        #expect(shown.output.contains("Files in runs/\(runs[1])\n") && !shown.output.contains("spd-archive"))
    }

    @Test func whatIsGoneIsToldByEveryCommandThatLooksForIt() async throws {
        let runs = try await bench.status(of: 1).runs.map(\.run)
        for folder in ["runs/\(runs[0])", "jobs/1/logs"] {
            try FileManager.default.removeItem(atPath: "\(bench.cache)/\(folder)")
        }
        let made = try await bench.orchestrator(["archive", "1", "a.tar", "--json"])
        #expect(made.code == 1 && made.output.contains("runs/\(runs[0])"), "\(made.output)")
        #expect(
            made.error
                == "orchestrator: runs/\(runs[0]) is gone from \(bench.cache): of what was there, a.tar has no files\n")
        let logs = try await bench.orchestrator(["logs", "1"])
        #expect(logs.code == 1)
        #expect(
            logs.error.hasPrefix(
                "orchestrator: job 1 is over, and \(bench.cache)/jobs/1/logs/agent-1.log is missing: it has said nothing, "
                    + "or its log was deleted"), "\(logs.error)")
        let shown = try await bench.orchestrator(["show", runs[0]])
        #expect(shown.output.contains("Files: \(bench.cache)/runs/\(runs[0]) is gone\n"), "\(shown.output)")
        let plotted = try await bench.orchestrator(["plot", runs[0]])
        #expect(plotted.code == 2, "\(plotted.output)")
        #expect(
            plotted.error == "orchestrator: run \(runs[0]) has nothing left to draw: its folder is gone\n")
        try FileManager.default.removeItem(atPath: "\(bench.cache)/jobs/1")
        let source = try await bench.orchestrator(["show", runs[0]])
        #expect(source.output.contains("no longer known, \(bench.cache)/jobs/1/snapshot.json is gone\n"))
    }

    @Test func aDamagedArchiveIsCalledWhatItIs() async throws {
        for file in ["a.tar.zst", "a.tar"] {
            #expect(try await bench.orchestrator(["archive", "1", file]).code == 0)
        }
        let (whole, plain) = (try bytes("a.tar.zst"), try bytes("a.tar"))
        var damaged = whole
        damaged[whole.count / 2] ^= 0xFF
        let files: [(name: String, bytes: Data, flaw: String)] = [
            ("half.tar.zst", whole.prefix(whole.count / 2), "is cut short"),
            ("end.tar.zst", whole.dropLast(1), "is cut short"), ("few.tar.zst", whole.prefix(7), "is cut short"),
            ("none.tar.zst", Data(), "is empty"), ("plain.tar.zst", plain, "is not compressed with zstd"),
            ("bad.tar.zst", damaged, "is damaged"), ("half.tar", plain.prefix(plain.count / 2), "is cut short"),
            // Where a block ends, tar takes what there is for all.
            ("block.tar", plain.prefix(plain.count / 1024 * 512), "is cut short"),
            ("odd.tar", Data("no archive".utf8), "is no tar file"),
            ("state.tar.zst", try await packed("garbage"), "is damaged: its state file cannot be read"),
        ]
        let run = try #require(try await bench.status(of: 1).runs.first).run
        for (name, bytes, flaw) in files {
            try bytes.write(to: URL(filePath: bench.path + "/" + name))
            for command in [["show", run], ["export", "1"], ["plot", run]] {
                let answer = try await bench.orchestrator(command + ["--archive", name])
                #expect(answer.code == 2 && answer.error == "orchestrator: \(name) \(flaw)\n", "\(answer.error)")
            }
        }
        _ = try bench.write("", to: "a.zip")
        for (file, message) in [("gone.tar", "there is no file gone.tar"), ("a.zip", "expected a name that ends in")] {
            let answer = try await bench.orchestrator(["show", run, "--archive", file])
            #expect(answer.code == 2 && answer.error.contains(message), "\(answer.error)")
        }
        let nowhere = try await bench.orchestrator(["archive", "1", "no/folder/a.tar"])
        #expect(nowhere.code == 2 && nowhere.error.contains("there is no folder"), "\(nowhere.error)")
    }

    @Test(.timeLimit(.minutes(5)))
    func whatLeadsOutOfAnArchiveIsRefused() async throws {
        let made = try await bench.orchestrator(["archive", "1", "a.tar", "--json"])
        struct Report: Decodable { let job: Int, file: String, bytes: Int }
        let report = try JSONDecoder().decode(Report.self, from: Data(made.output.utf8))
        let size = try bytes("a.tar").count
        #expect(report.job == 1 && report.file == "a.tar" && report.bytes == size)
        let run = try #require(try await bench.status(of: 1).runs.first).run
        let (files, temporary) = (FileManager.default, bench.path + "/tmp")
        try files.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        /// Reads the archive with an entry replaced.
        func read(_ name: String, _ replace: (String) throws -> Void) async throws -> (code: Int32?, error: String) {
            let place = bench.path + "/unpacked"
            try files.createDirectory(atPath: place, withIntermediateDirectories: true)
            defer { try? files.removeItem(atPath: place) }
            #expect(try await bench.run("tar", ["-xf", "a.tar", "-C", place]).code == 0)
            try? files.removeItem(atPath: place + "/" + name)
            try replace(place + "/" + name)
            #expect(
                try await bench.run("tar", ["-cf", "b.tar", "-C", place, "state.sqlite", "jobs", "runs"]).code == 0)
            let answer = try await bench.orchestrator(
                ["export", "1", "--history", "--archive", "b.tar"], adding: ["TMPDIR": temporary])
            #expect(try files.contentsOfDirectory(atPath: temporary) == [])
            return (answer.code, answer.error)
        }
        func link(to target: String) -> (String) throws -> Void {
            { try files.createSymbolicLink(atPath: $0, withDestinationPath: target) }
        }
        let rows = "runs/\(run)/metrics.jsonl"
        let hostile: [(String, (String) throws -> Void, String)] = [
            (rows, { #expect(mkfifo($0, 0o600) == 0) }, "is a FIFO"),
            (rows, link(to: "/etc/passwd"), "is a link that leads out of it"),
            (rows, link(to: "../../../etc/passwd"), "is a link that leads out of it"),
            ("runs/\(run)", link(to: bench.cache + "/runs/\(run)"), "is a link that leads out of it"),
            ("state.sqlite", link(to: bench.cache + "/state.sqlite"), "is a link that leads out of it"),
        ]
        for (name, replace, flaw) in hostile {
            let answer = try await read(name, replace)
            #expect(answer.code == 2, "\(name)")
            #expect(answer.error == "orchestrator: b.tar is not a job's archive: \(name) in it \(flaw)\n")
        }
        let harmless = try await read("runs/\(run)/link", link(to: "metrics.jsonl"))
        #expect(harmless.code == 0, "\(harmless.error)")
        let lost = try await read(rows) { _ in }
        #expect(lost.code == 1 && lost.error == "orchestrator: b.tar: run \(run): \(rows) is gone\n", "\(lost.error)")

        // What would be refused later is not archived.
        try link(to: "/etc/passwd")(bench.cache + "/runs/\(run)/link")
        let refused = try await bench.orchestrator(["archive", "1", "c.tar"])
        #expect(refused.code == 2 && refused.error.contains("runs/\(run)/link is a link that leads out of it"))
        #expect(!files.fileExists(atPath: bench.path + "/c.tar"))
    }

    @Test func killedArchivesLeaveNothingForLong() async throws {
        let temporary = bench.path + "/tmp"
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        // Whoever reads it is killed while it is unpacked, whoever makes it while it is packed.
        let slow = try bench.writeProgram("sleep 60", to: "bin/tar")
        let variables = ["TMPDIR": temporary, "PATH": bench.path + "/bin:" + Cluster.path]
        _ = try bench.write("", to: "a.tar")
        for command in [["archive", "1", "b.tar"], ["export", "--archive", "a.tar"]] {
            let process = try bench.start(command, adding: variables)
            try await eventually { try FileManager.default.contentsOfDirectory(atPath: temporary).count >= 2 }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(process.terminationReason == .uncaughtSignal)
        }
        try FileManager.default.removeItem(atPath: slow)
        #expect(try await bench.orchestrator(["archive", "1", "b.tar"], adding: variables).code == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == [])
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.path)
        #expect(!files.contains { $0.contains("unfinished") }, "\(files)")
        #expect(try await bench.orchestrator(["export", "--archive", "b.tar"], adding: variables).code == 0)
    }

    private func bytes(_ name: String) throws -> Data {
        try #require(FileManager.default.contents(atPath: bench.path + "/" + name))
    }

    /// An archive that holds such a state file.
    private func packed(_ state: String) async throws -> Data {
        _ = try bench.write(state, to: "d/state.sqlite")
        let answer = try await bench.run("tar", ["--zstd", "-cf", "d.tar.zst", "-C", "d", "state.sqlite"])
        #expect(answer.code == 0, "\(answer.error)")
        return try bytes("d.tar.zst")
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil))
    func pythonReadsTheSame() async throws {
        let answer = try await bench.run(
            "python3", ["-m", "unittest", "discover", "-s", Workbench.package + "/python/tests"],
            adding: ["PYTHONPATH": Workbench.package + "/python", "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(answer.code == 0, "\(answer.error)")
    }
}

struct SlurmAccountTests {
    @Test func accountsOfAllocationsAndStepsAreOne() throws {
        let text = """
            JobID|ElapsedRaw|AllocCPUS|TotalCPU|MaxRSS|Submit|Start
            812_1|100|2|02:30.500||2026-01-31T23:59:58|2026-02-01T00:00:05
            812_1.batch|100|2|02:30.500|10240K|2026-02-01T00:00:05|2026-02-01T00:00:05
            812_1.extern|100|2|00:00||2026-02-01T00:00:05|2026-02-01T00:00:05
            813|50|1|1-00:00:01||2026-01-31T12:00:00|2026-01-31T12:00:03
            813|10|1|00:09.000||2026-01-31T13:00:00|2026-01-31T13:00:01
            814|0|0|00:00||2026-01-31T13:00:00|Unknown
            rubbish

            """
        #expect(
            try SlurmCommands.accounts(in: text) == [
                SlurmAccount(
                    name: "812_1", queueSeconds: 7, elapsedSeconds: 100, cpus: 2, cpuSeconds: 150.5,
                    peakMemory: 10240 << 10),
                SlurmAccount(
                    name: "813", queueSeconds: 4, elapsedSeconds: 60, cpus: 1, cpuSeconds: 86_410, peakMemory: nil),
            ])
    }
}
