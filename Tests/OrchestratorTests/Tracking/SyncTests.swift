import Foundation
import JSON
import Testing

@testable import StandInWandB
@testable import WandB

/// `orchestrator sync` as users run it, against a stand-in W&B server.
struct SyncTests {
    let bench: Workbench
    private static let key = ["WANDB_API_KEY": StandInBackend.key]

    init() throws { bench = try Workbench("sync") }

    /// A finished job whose runs have rows in their folders, and nobody to send them.
    private func offlineJob(runs: Int, rows: Int = 10) async throws -> [String] {
        _ = try bench.write(sweep(runs), to: "sweep.yaml")
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", "sweep.yaml", "--executor", "local", "--watch"],
            adding: ["STAND_IN_ROWS": "\(rows)", "STAND_IN_STEP_MS": "1"])
        try #require(answer.code == 0, "\(answer.error)")
        return try await bench.status(of: 1).runs.map(\.run)
    }

    private func sweep(_ runs: Int) -> String {
        "tms_5-2:\n  seed:\n    values: \(Array(0..<runs))\n"
    }

    private func environment(_ server: StandInServer) -> [String: String] {
        Self.key.merging(["WANDB_BASE_URL": server.baseURL]) { $1 }
    }

    private func sync(_ server: StandInServer, _ arguments: [String] = []) async throws -> (Int32?, Summary) {
        let answer = try await bench.orchestrator(
            ["sync", "--json", "--requests-per-minute", "6000"] + arguments, adding: environment(server))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        try #require(!answer.output.isEmpty, "\(answer.error)")
        return (answer.code, try decoder.decode(Summary.self, from: Data(answer.output.utf8)))
    }

    private struct Summary: Decodable {
        struct Runs: Decodable {
            let sent, sentBefore, goingOn, notStarted, notTracked, sentElsewhere, left, failed: Int
        }
        let runs: Runs
        let rows: Int
        let requests: Int
        let isComplete: Bool
        let error: String?
    }

    private func expectWhole(_ backend: StandInBackend, _ runs: [String], rows: Int) throws {
        #expect(backend.violations.isEmpty, "\(backend.violations.first ?? "")")
        for id in runs {
            let run = try #require(backend.run(id))
            let steps = try run.history.map { try #require(JSONValue(parsing: $0)["_step"]?.integer) }
            #expect(steps == Array(0..<rows))
            #expect(run.rewritten == 0)
            #expect(run.exitCodes == [0])
        }
    }

    @Test func everythingIsSentOnceAndASecondSyncSendsNothing() async throws {
        let runs = try await offlineJob(runs: 12)
        let server = try await StandInServer.start()
        defer { server.stop() }
        let (code, summary) = try await sync(server)
        #expect(code == 0)
        #expect(summary.runs.sent == 12)
        #expect(summary.rows == 12 * 40)
        #expect(summary.requests == server.backend.requests)
        try expectWhole(server.backend, runs, rows: 40)
        let requests = server.backend.requests

        let (again, second) = try await sync(server)
        #expect(again == 0)
        #expect(second.runs.sentBefore == 12)
        #expect(second.requests == 0)
        #expect(server.backend.requests == requests)
    }

    @Test func statusAndShowSayWhatWandBDoesNotHaveUntilItIsSent() async throws {
        let runs = try await offlineJob(runs: 3)
        let server = try await StandInServer.start()
        defer { server.stop() }
        let words = "3 runs not on W&B yet: `orchestrator sync 1` sends them"
        #expect(try await bench.orchestrator(["status", "1"]).output.contains(words))
        let show = try await bench.orchestrator(["show", runs[0]])
        #expect(show.output.contains("`orchestrator sync \(runs[0])` sends it"), "\(show.error)")
        #expect(try await sync(server).0 == 0)
        #expect(try await !bench.orchestrator(["status", "1"]).output.contains("not on W&B yet"))
    }

    @Test func runsAreWrittenForWandBsOwnSyncOnRequestAndSentOnce() async throws {
        let runs = try await offlineJob(runs: 3)
        let answer = try await bench.orchestrator(["sync", "--offline-folders"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.output == "W&B: 3 runs written: `wandb sync \(bench.cache)/wandb` sends them\n")
        let folders = try FileManager.default.contentsOfDirectory(atPath: bench.cache + "/wandb")
        #expect(folders.count == 3 && folders.allSatisfy { $0.hasPrefix("offline-run-") })

        // One was sent by `wandb sync`.
        let sent = try #require(folders.first { $0.hasSuffix(runs[0]) })
        _ = FileManager.default.createFile(
            atPath: "\(bench.cache)/wandb/\(sent)/run-\(runs[0]).wandb.synced", contents: nil)
        let server = try await StandInServer.start()
        defer { server.stop() }
        let (code, summary) = try await sync(server)
        #expect(code == 0)
        #expect(summary.runs.sentBefore == 1)
        #expect(summary.runs.sent == 2)
        #expect(server.backend.run(runs[0]) == nil)
        for folder in folders {
            let id = folder.suffix(8)
            let mark = "\(bench.cache)/wandb/\(folder)/run-\(id).wandb.synced"
            #expect(FileManager.default.fileExists(atPath: mark), "and `wandb sync` passes over what we have sent")
        }
        let again = try await bench.orchestrator(["sync", "--offline-folders"])
        #expect(again.output.contains("3 runs sent before"))
    }

    @Test func whatWandBHasCanBeCleanedAndNothingElse() async throws {
        let runs = try await offlineJob(runs: 2)
        #expect(bench.files().filter { $0.hasSuffix("/wandb.zip") }.count == 2, "one file of each run")
        let nothing = try await bench.orchestrator(["clean", "--spools"])
        #expect(nothing.output == "There is nothing to delete.\n")
        let server = try await StandInServer.start()
        defer { server.stop() }
        #expect(try await sync(server, [runs[0]]).0 == 0)
        let shown = try await bench.orchestrator(["clean", "1", "--spools"])
        #expect(shown.output.contains("What W&B has: 1 file, "), "\(shown.output)")
        #expect(try await bench.orchestrator(["clean", "--spools", "--yes"]).code == 0)
        #expect(bench.files().filter { $0.hasSuffix("/wandb.zip") } == ["runs/\(runs[1])/wandb.zip"])
        #expect(try await bench.status(of: 1).counts.done == 2)
    }

    @Test func aKilledSyncIsTakenUpWithoutARowTwice() async throws {
        let runs = try await offlineJob(runs: 8)
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .slow(.milliseconds(40)) }
        for requests in [6, 17, 25] {
            let process = try bench.start(
                ["sync", "1", "--requests-per-minute", "6000"], adding: environment(server))
            try await eventually { server.backend.requests >= requests }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let (code, _) = try await sync(server, ["1"])
        #expect(code == 0)
        try expectWhole(server.backend, runs, rows: 40)
    }

    @Test func aThirdOfTheRequestsFailingCostsTimeOnly() async throws {
        let runs = try await offlineJob(runs: 3)
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { number, _ in
            switch number % 10 {
            case 1: .refuse(status: 500, retryAfter: "0")
            case 4: .refuse(status: 429, retryAfter: "0")
            case 7: .failAfterTheWork(status: 502)
            default: .none
            }
        }
        let (code, summary) = try await sync(server)
        #expect(code == 0)
        #expect(summary.runs.sent == 3)
        try expectWhole(server.backend, runs, rows: 40)
    }

    @Test func runsAreRelayedWhileTheyRunAndAStopReachesTheirAgent() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        _ = try bench.write(sweep(3), to: "sweep.yaml")
        let submit = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", "sweep.yaml", "--executor", "local", "--n-agents", "3"],
            adding: ["STAND_IN_ROWS": "40", "STAND_IN_STEP_MS": "4000"])
        #expect(submit.code == 0, "\(submit.error)")
        let runs = try await bench.status(of: 1).runs.map(\.run)
        async let live = sync(server, ["1", "--live", "--every", "0.2"])
        try await eventually { (server.backend.run(runs[0])?.history.count ?? 0) > 5 }
        #expect(server.backend.run(runs[0])?.state == "running")
        server.backend.pressStop(runs[0])
        let (code, summary) = try await live
        #expect(code == 0)
        #expect(summary.runs.sent == 3)
        #expect(server.backend.run(runs[0])?.exitCodes == [255])
        try expectWhole(server.backend, Array(runs[1...]), rows: 160)
        #expect(try await bench.status(of: 1).runs[0].error == "stopped on its W&B page")
    }

    @Test func anInterruptedSyncSaysWhatIsLeft() async throws {
        let runs = try await offlineJob(runs: 4)
        let server = try await StandInServer.start()
        defer { server.stop() }
        let answer = try await bench.run(
            "/usr/bin/timeout",
            ["-s", "INT", "10", Workbench.products + "/orchestrator", "sync", "--requests-per-minute", "16"],
            adding: environment(server))
        #expect(answer.output.contains("left: `orchestrator sync` continues them"), "\(answer.output)")
        #expect(server.backend.requests < 16)
        #expect(try await sync(server).0 == 0)
        try expectWhole(server.backend, runs, rows: 40)
    }

    @Test func twoSyncsAtOnceSendEveryRowOnce() async throws {
        let runs = try await offlineJob(runs: 8)
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .slow(.milliseconds(20)) }
        async let first = sync(server)
        async let second = sync(server)
        let codes = try await [first.0, second.0]
        #expect(codes.allSatisfy { $0 == 0 || $0 == 3 })
        try expectWhole(server.backend, runs, rows: 40)
    }

    @Test func withoutTheServerOneLineSaysWhatToDoAndNothingIsLost() async throws {
        let runs = try await offlineJob(runs: 2)
        let gone = try await StandInServer.start()
        gone.stop()
        let address = ["WANDB_BASE_URL": "http://127.0.0.1:9"]
        let answer = try await bench.orchestrator(["sync"], adding: Self.key.merging(address) { $1 })
        #expect(answer.code == 1)
        #expect(answer.error.filter { $0 == "\n" }.count == 1)
        #expect(answer.error.contains("127.0.0.1") && answer.error.contains("nothing is lost"))
        let server = try await StandInServer.start()
        defer { server.stop() }
        #expect(try await sync(server).0 == 0)
        try expectWhole(server.backend, runs, rows: 40)
    }

    @Test func withoutAKeyOrWithAWrongOneOneLineSaysWhatToDo() async throws {
        _ = try await offlineJob(runs: 1)
        let server = try await StandInServer.start()
        defer { server.stop() }
        let none = try await bench.orchestrator(["sync"], adding: ["WANDB_BASE_URL": server.baseURL])
        #expect(none.code == 2)
        #expect(none.error.contains("set WANDB_API_KEY"))
        let wrong = String(repeating: "f", count: 40)
        let answer = try await bench.orchestrator(
            ["sync"], adding: ["WANDB_API_KEY": wrong, "WANDB_BASE_URL": server.baseURL])
        #expect(answer.code == 1)
        #expect(answer.error.contains("does not know the key in WANDB_API_KEY"))
        #expect(answer.error.filter { $0 == "\n" }.count == 1)
        #expect(!(answer.output + answer.error).contains(wrong))
    }

    @Test func runsWithoutTrackingAreSkippedAndSaidSo() async throws {
        _ = try bench.write(sweep(2), to: "sweep.yaml")
        _ = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", "sweep.yaml", "--executor", "local", "--watch"])
        let answer = try await bench.orchestrator(["sync"], adding: Self.key)
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.output.contains("2 runs without W&B"))
    }

    @Test func mistakesAreToldBeforeAnythingIsSent() async throws {
        _ = try await offlineJob(runs: 1)
        for arguments in [["7"], ["nosuchrun"], ["1.1"], ["--requests-per-minute", "0"], ["--every", "0"]] {
            let answer = try await bench.orchestrator(["sync"] + arguments, adding: Self.key)
            #expect(answer.code == 2, "\(arguments)")
            #expect(answer.error.filter { $0 == "\n" }.count == 1)
        }
    }
}
