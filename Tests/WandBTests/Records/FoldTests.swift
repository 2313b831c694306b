import Artifacts
import Foundation
import HTTP
import JSON
import Synchronization
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// A run that is over keeps one file for W&B; whoever goes on with it has all of it again.
struct FoldTests {
    private let scratch: TemporaryFolder
    private var folder: SpoolFolder { SpoolFolder(path: scratch.spool) }
    private var run: String { scratch.path + "/run" }

    init() throws { scratch = try TemporaryFolder() }

    private func write(_ rows: Range<Int>, exitCode: Int32? = nil) throws {
        var writer = try SpoolWriter(folder: folder, description: try .sample(), clock: .system)
        try writer.describe()
        for step in rows {
            try writer.log(step: step, values: [("x", .number(step))])
            try writer.console("step \(step)", isError: false)
        }
        if let exitCode { try writer.exit(code: exitCode) }
    }

    private func names(_ path: String) -> Set<String> {
        Set((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
    }

    @Test(arguments: [true, false]) func aRunThatIsOverKeepsOneFile(isOnline: Bool) async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        var settings = try WandBSettings.pointing(at: server.baseURL)
        if !isOnline { settings.mode = .offline }
        let chosen = settings
        try await blocking {
            let tracker = RunTracker(run: try .sample(), folder: scratch.spool, settings: chosen, pacing: .hasty)
            for step in 0..<5 {
                tracker.log(
                    step: step, values: [], media: [("t", .table(columns: ["a"], rows: [[.number(step)]]))])
            }
            _ = tracker.finish(exitCode: 0)
        }
        #expect(names(run) == ["wandb.zip"])
        #expect(try scratch.spooled("wandb-history.jsonl").split(separator: "\n").count == 5)
        let page = try RunPage(folder: scratch.spool)
        #expect(page?.isComplete == (isOnline ? true : nil))
    }

    @Test func aRunThatGoesOnStaysAFolder() throws {
        var settings = WandBSettings()
        settings.mode = .offline
        let tracker = RunTracker(run: try .sample(), folder: scratch.spool, settings: settings, pacing: .hasty)
        tracker.log(step: 0, values: [])
        _ = tracker.suspend()
        #expect(try !folder.fold())
        #expect(names(run) == ["wandb"])
    }

    @Test func aRetriedRunHasAllOfItAgain() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            for (rows, code) in [(0..<5, 1), (3..<9, 1), (9..<12, 0)] as [(Range<Int>, Int32)] {
                try write(rows, exitCode: code)
                try drain(server)
                #expect(try folder.fold())
                #expect(names(run) == ["wandb.zip"])
            }
        }
        #expect(server.backend.violations == [])
        let sent = try #require(server.backend.run("run-1"))
        #expect(try steps(sent) == Array(0..<12))
        #expect(sent.exitCodes == [1, 1, 0])
        #expect(sent.output.count == 5 + 6 + 3)
        #expect(sent.uploaded.filter { $0 == "wandb-metadata.json" }.count <= 3)
    }

    @Test func whatIsFoldedIsSentAndFoldedAgain() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try await blocking {
            try write(0..<7, exitCode: 0)
            #expect(try folder.fold())
            try drain(server)
        }
        #expect(try steps(server.backend.run("run-1")) == Array(0..<7))
        #expect(try folder.fold())
        #expect(names(run) == ["wandb.zip"])
    }

    /// Whatever was done of folding and unfolding when the machine stopped.
    @Test(arguments: 0..<8) func aCrashInBetweenCostsNothing(removed: Int) throws {
        try write(0..<50, exitCode: 1)
        let copy = scratch.path + "/copy"
        try FileManager.default.copyItem(atPath: scratch.spool, toPath: copy)
        #expect(try folder.fold())
        // The folder is partly there, beside the pack.
        try FileManager.default.copyItem(atPath: copy, toPath: scratch.spool)
        for name in try FileManager.default.subpathsOfDirectory(atPath: scratch.spool).sorted().prefix(removed) {
            try? FileManager.default.removeItem(atPath: scratch.spool + "/" + name)
        }
        #expect(try scratch.spooled("wandb-history.jsonl").split(separator: "\n").count == 50)
        try write(45..<60, exitCode: 0)
        #expect(try scratch.spooled("wandb-history.jsonl").split(separator: "\n").count == 60)
        #expect(!folder.isFolded)
        #expect(try folder.run()?.session == 2)
        #expect(try folder.fold())
        #expect(names(run) == ["wandb.zip"])
    }

    @Test func whatAKilledProcessHadBegunToFoldGoes() throws {
        try write(0..<3, exitCode: 0)
        for name in ["wandb.zip.812-4101456646.tmp", "model.safetensors.812-1.tmp"] {
            try Data(count: 100).write(to: URL(filePath: run + "/" + name))
        }
        #expect(try folder.fold())
        #expect(names(run) == ["wandb.zip", "model.safetensors.812-1.tmp"], "another's file is left alone")
    }

    @Test func aFolderThatSomebodySendsIsNotFolded() throws {
        try write(0..<3, exitCode: 0)
        let lock = try SenderLock.take(folder)
        #expect(try !folder.fold())
        lock?.release()
        #expect(try folder.fold())
    }

    @Test func writersAndFoldersInEachOthersWayLoseNothing() async throws {
        try write(0..<1, exitCode: 0)
        let folding = Task.detached { [folder] in
            for _ in 0..<300 { _ = try folder.fold() }
        }
        for step in 1..<60 { try write(step..<step + 1, exitCode: 0) }
        try await folding.value
        _ = try folder.fold()
        let rows = try scratch.spooled("wandb-history.jsonl").split(separator: "\n").map {
            try JSONValue(parsing: String($0))["_step"]?.integer
        }
        #expect(rows == Array(0..<60))
        #expect(try folder.run()?.session == 60)
    }

    /// Two syncs at once: one looks while the other is done with the run, folds it, or takes it up again.
    @Test func whoeverLooksWhileOthersFoldAndUnfoldSeesAllOfIt() async throws {
        try write(0..<3, exitCode: 0)
        let others = Task.detached { [folder] in
            for _ in 0..<400 {
                try folder.fold()
                try folder.unfold()
            }
        }
        for _ in 0..<4000 {
            #expect(SpoolMarks(of: folder).hasRun)
            #expect(try folder.run() != nil)
            #expect(try folder.exit() != nil)
        }
        try await others.value
    }

    private final class Holders: Sendable {
        let count = Atomic(0)
    }

    @Test func oneSenderAtATimeHasAFolderThatOthersFold() async throws {
        try write(0..<3, exitCode: 0)
        let holders = Holders()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { [folder] in
                    var turns = 0
                    for _ in 0..<300 {
                        try folder.unfold()
                        guard let lock = try SenderLock.take(folder) else { continue }
                        #expect(holders.count.add(1, ordering: .relaxed).newValue == 1)
                        turns += try folder.run() == nil ? 0 : 1
                        holders.count.subtract(1, ordering: .relaxed)
                        lock.release()
                        try folder.fold()
                    }
                    return turns
                }
            }
            let turns = try await group.reduce(0, +)
            #expect(turns > 0)
        }
        _ = try folder.fold()
        #expect(names(run) == ["wandb.zip"])
    }

    @Test func anAttemptWhoseRunWasFoldedByAnotherWritesNothing() throws {
        var settings = WandBSettings()
        settings.mode = .offline
        let notices = Notices()
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: settings, pacing: .hasty,
            notify: { notices.add($0) })
        try folder.write(SpooledExit(session: 1, exitCode: 255, runtime: 1))
        #expect(try folder.fold())
        tracker.log(step: 0, values: [])
        _ = tracker.finish(exitCode: 0)
        #expect(names(run) == ["wandb.zip"])
        #expect(try folder.exit()?.exitCode == 255)
        #expect(notices.all.contains { $0.contains("another attempt") })
    }

    @Test func aServerThatForgotARunGetsItsRowsAndFilesAgain() async throws {
        let (first, second) = (try await StandInServer.start(), try await StandInServer.start())
        defer {
            first.stop()
            second.stop()
        }
        try await blocking {
            try write(0..<5)
            try drain(first, isEnough: { $0.isDrained })
            try drain(first, isEnough: { _ in first.backend.run("run-1")?.uploaded.isEmpty == false })
            try write(5..<8, exitCode: 0)
            try drain(second)
        }
        #expect(second.backend.violations == [])
        let run = try #require(second.backend.run("run-1"))
        #expect(try steps(run) == Array(0..<8))
        #expect(Set(run.files.keys) == ["config.yaml", "wandb-metadata.json", "wandb-summary.json"])
    }

    private func drain(
        _ server: StandInServer, isEnough: (RunSender) -> Bool = { $0.isFinished }
    ) throws {
        let settings = try WandBSettings.pointing(at: server.baseURL)
        let sender = RunSender(
            folder: scratch.spool, settings: settings, key: try #require(settings.apiKey), client: try HTTPClient(),
            pacing: .hasty)
        var now = ContinuousClock.now
        for _ in 0..<3000 where !isEnough(sender) { now = max(now, sender.step(at: now) ?? now) }
        #expect(isEnough(sender))
    }
}
