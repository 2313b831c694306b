import Foundation
import JSON
import TestFiles
import Testing

@testable import WandB

/// The run's folder, as its writer leaves it and as a sender reads it.
struct SpoolTests {
    private let scratch: TemporaryFolder
    private let folder: SpoolFolder

    init() throws {
        scratch = try TemporaryFolder()
        folder = SpoolFolder(path: scratch.spool)
        try folder.create()
    }

    private func write(_ rows: Range<Int>) throws {
        var writer = try SpoolWriter(folder: folder, description: try .sample(), clock: .system)
        for step in rows { try writer.log(step: step, values: [("x", .number(step))]) }
    }

    private func readSteps() throws -> [Int] {
        var reader = SpoolReader(folder: folder, stream: .history)
        var steps: [Int] = []
        while let line = try reader.peek() {
            steps.append(try #require(line.row?["_step"]?.integer))
            reader.take()
        }
        return steps
    }

    private func append(_ text: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: folder.path(of: .history)))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    @Test func aLineTornByAKillIsCutOffAndItsStepLoggedAgain() throws {
        try write(0..<3)
        try append(#"{"_step":3,"_timest"#)
        #expect(try readSteps() == [0, 1, 2])
        try write(3..<5)
        #expect(try readSteps() == [0, 1, 2, 3, 4])
    }

    @Test func whatKilledProcessesHadNotFinishedWritingIsRemovedByTheirSuccessors() throws {
        try SpoolFolder(path: folder.path + "/files/media").create()
        let writers = ["run.json.77.tmp", "exit.json.78.tmp", "files/media/a.png.79.tmp"]
        let senders = ["sent.json.80.tmp", "sender.json.81.tmp"]
        for name in writers + senders { try Data("{".utf8).write(to: URL(filePath: folder.path + "/" + name)) }
        let isThere = { [folder] (name: String) in FileManager.default.fileExists(atPath: folder.path + "/" + name) }
        try write(0..<1)
        #expect(writers.filter(isThere) == [])
        #expect(senders.filter(isThere) == senders, "a sender may be at work")
        let isTaken = try SenderLock.take(folder) != nil
        #expect(isTaken)
        #expect(senders.filter(isThere) == [])
    }

    @Test func rowsMadeAgainAfterACheckpointAreNotDoubled() throws {
        try write(0..<7)
        let before = try String(contentsOfFile: folder.path(of: .history), encoding: .utf8)
        try write(4..<10)
        let after = try String(contentsOfFile: folder.path(of: .history), encoding: .utf8)
        #expect(after.hasPrefix(before))
        #expect(try readSteps() == Array(0..<10))
    }

    @Test func linesThatTheServerCouldNotTakeDoNotCount() throws {
        try write(0..<2)
        try append("garbage\n{\"_step\":1}\n{\"x\":2}\n[3]\n\0\0\0\n")
        try append(
            #"{"_step":2,"long":""# + String(repeating: "x", count: SpoolReader.maximumLineBytes) + "\"}\n")
        try write(3..<4)
        #expect(try readSteps() == [0, 1, 3])
    }

    @Test func runtimeGoesOnWhereTheLastSessionEnded() throws {
        let description = try RunDescription.sample()
        var uptime = 100.0
        var writer = try SpoolWriter(folder: folder, description: description, clock: fixedClock(uptime))
        try writer.log(step: 0, values: [])
        uptime = 5
        _ = consume writer
        try append(#"{"_step":1,"_timestamp":1.0,"_runtime":60.5}"# + "\n")
        var again = try SpoolWriter(folder: folder, description: description, clock: fixedClock(uptime))
        try again.log(step: 2, values: [])
        let rows = try String(contentsOfFile: folder.path(of: .history), encoding: .utf8).split(
            separator: "\n")
        #expect(try JSONValue(parsing: String(try #require(rows.last)))["_runtime"]?.double == 60.5)
    }

    private func fixedClock(_ uptime: Double) -> RunClock {
        RunClock(date: { 1_700_000_000.25 }, uptime: { uptime })
    }

    @Test func aFullDiskKeepsRowsForLaterAndSaysSoOnce() throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path(of: .history), withDestinationPath: "/dev/full")
        let notices = Notices()
        let spool = try SharedSpool(
            folder: folder, description: try .sample(), clock: .system, isHeld: { true }, notify: { notices.add($0) })
        for step in 0..<3 {
            spool.write { writer throws(SpoolError) in try writer.log(step: step, values: []) }
        }
        #expect(notices.all.count == 1)
        #expect(notices.all.first?.contains("No space left on device") == true)
    }

    @Test func aFolderThatCannotBeMadeLeavesTheRunUntracked() throws {
        try Data().write(to: URL(fileURLWithPath: scratch.path + "/file"))
        let notices = Notices()
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.path + "/file/wandb", settings: WandBSettings(),
            notify: { notices.add($0) })
        tracker.log(step: 0, values: [])
        guard case .left = tracker.finish(exitCode: 0) else {
            Issue.record("there is no folder")
            return
        }
        #expect(notices.all.count == 1)
        #expect(notices.all.first?.contains("this run is not tracked") == true)
    }

    @Test func consoleLinesCarryUTCAndWhatStayedVisible() throws {
        var writer = try SpoolWriter(folder: folder, description: try .sample(), clock: fixedClock(0))
        try writer.console("10 %\r20 %\r30 %", isError: false)
        try writer.console("bad\nworse", isError: true)
        #expect(
            try String(contentsOfFile: folder.path(of: .output), encoding: .utf8) == """
                2023-11-14T22:13:20.250000 30 %
                ERROR 2023-11-14T22:13:20.250000 bad
                ERROR 2023-11-14T22:13:20.250000 worse

                """)
    }

    @Test func eventsMeasureTheMachineUnderWandBsNames() throws {
        let sampler = SystemSampler()
        var writer = try SpoolWriter(folder: folder, description: try .sample(), clock: .system)
        try writer.event(sampler.sample())
        let event = try JSONValue(
            parsing: try String(contentsOfFile: folder.path(of: .events), encoding: .utf8))
        #expect(event["_wandb"] == .bool(true))
        let memory = try #require(event["system.memory_percent"]?.double)
        #expect((0...100).contains(memory))
        #expect(try #require(event["system.proc.memory.rssMB"]?.double) > 1)
        #expect(try #require(event["system.proc.cpu.threads"]?.integer) >= 1)
    }

    @Test func theSummaryIsTheLastValueOfEveryMetric() throws {
        var summary = RunSummary()
        summary.update(with: try JSONValue(parsing: #"{"_step":0,"_runtime":1.5,"a":1,"b":"x"}"#))
        summary.update(with: try JSONValue(parsing: #"{"_step":4,"_runtime":2.75,"a":NaN}"#))
        #expect(summary.line() == #"{"_step":4,"_runtime":2.75,"a":NaN,"b":"x","_wandb":{"runtime":2}}"#)
    }
}
