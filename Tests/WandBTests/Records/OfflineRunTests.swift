import Artifacts
import Foundation
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// The `.wandb` file that W&B's own client reads.
struct OfflineRunTests {
    @Test func theChecksumIsZlibs() {
        #expect(CRC32.checksum(ArraySlice("123456789".utf8)) == 0xCBF4_3926)
    }

    @Test func shortRecordsAreWholeChunks() {
        var log = RecordLog()
        log.add([8, 1])
        let head: [UInt8] = [0x3A, 0x57, 0x26, 0x42, 0xE1, 0xBE, 0]
        let sum = CRC32.checksum([1, 8, 1])
        let checksum = (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
        #expect(log.bytes == head + checksum + [2, 0, 1, 8, 1])
    }

    /// Sizes around a block's end, where parts and zero filling begin.
    @Test(arguments: [0, 1, 32740, 32747, 32748, 32749, 32754, 32755, 32761, 32762, 100_000])
    func recordsAreReadBackAcrossBlocks(size: Int) throws {
        let records = [
            [7], [UInt8](repeating: 5, count: size), [1, 2, 3], Array(repeating: 9, count: 40_000),
        ]
        var log = RecordLog()
        for record in records { log.add(record) }
        #expect(try read(log.bytes) == records)
    }

    @Test func numbersAreEncodedAsProtobufHasThem() {
        var message = ProtobufWriter()
        message.add(1, integer: 300)
        message.add(16, text: "a")
        message.add(2) { $0.add(1, integer: -1) }
        #expect(
            message.bytes == [8, 0xAC, 2, 0x82, 1, 1, 0x61, 0x12, 11, 8] + [UInt8](repeating: 0xFF, count: 9)
                + [1])
    }

    @Test func whatCouldNotBeSentIsThereForWandBsOwnClient() throws {
        let scratch = try TemporaryFolder()
        var settings = WandBSettings()
        settings.mode = .offline
        let clock = RunClock(date: { 1_700_000_000 }, uptime: { 0 })
        let tracker = RunTracker(
            run: try .sample(), folder: scratch.spool, settings: settings, pacing: .hasty, clock: clock)
        for step in 0..<2000 { tracker.log(step: step, values: [("loss", .number(Double(step)))]) }
        tracker.console("hello")
        _ = tracker.finish(exitCode: 0)
        _ = try #require(try OfflineRun.write(from: scratch.spool, into: scratch.offline))
        let file = scratch.offline + "/offline-run-20231114_221320-run-1/run-run-1.wandb"
        let bytes = [UInt8](try #require(FileManager.default.contents(atPath: file)))
        let records = try read(bytes)
        // Header, run, history, console, at least one event, summary, exit.
        #expect(records.count >= 2 + 2000 + 1 + 1 + 1 + 1)
        #expect(records.enumerated().allSatisfy { index, record in record.starts(with: number(index + 1)) })
    }

    @Test func aRunThatTheServerHasAPartOfIsNotOfferedToWandBSync() async throws {
        let scratch = try TemporaryFolder()
        let server = try await StandInServer.start()
        defer { server.stop() }
        let settings = try WandBSettings.pointing(at: server.baseURL)
        server.backend.inject { number, _ in number > 6 ? .refuse(status: 500) : .none }
        var pacing = SendPacing.hasty
        pacing.failingServerPatience = .milliseconds(200)
        let impatient = pacing
        try await blocking {
            let tracker = RunTracker(
                run: try .sample(), folder: scratch.spool, settings: settings, pacing: impatient)
            for step in 0..<200 {
                tracker.log(step: step, values: [])
                usleep(2000)
            }
            guard case .left = tracker.finish(exitCode: 0) else {
                Issue.record("the server takes nothing more")
                return
            }
        }
        #expect(try OfflineRun.write(from: scratch.spool, into: scratch.offline) == nil)
        #expect(!FileManager.default.fileExists(atPath: scratch.offline))
    }

    private func number(_ value: Int) -> [UInt8] {
        var message = ProtobufWriter()
        message.add(1, integer: value)
        return message.bytes
    }

    /// Reads LevelDB's log format as its documentation describes it.
    private func read(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var records: [[UInt8]] = []
        var partial: [UInt8] = []
        var position = 7
        while position < bytes.count {
            let left = 32768 - position % 32768
            if left < 7 {
                #expect(bytes[position..<position + left].allSatisfy { $0 == 0 })
                position += left
                continue
            }
            let length = Int(bytes[position + 4]) | Int(bytes[position + 5]) << 8
            try #require(length + 7 <= left)
            let type = bytes[position + 6]
            let payload = bytes[(position + 7)..<(position + 7 + length)]
            let sum = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[position + $1]) << (8 * $1) }
            #expect(sum == CRC32.checksum(ArraySlice([type] + payload)))
            try #require(type == 1 || type == 2 ? partial.isEmpty : true)
            partial += payload
            if type == 1 || type == 4 {
                records.append(partial)
                partial = []
            }
            position += 7 + length
        }
        return records
    }
}
