import Foundation
import Glibc

/// A run's folder as W&B's own client writes it offline, so that `wandb sync` uploads it too.
public struct OfflineRun: Sendable, Equatable {
    /// The `offline-run-…` folder that `wandb sync` takes.
    public let path: String

    /// Writes, or writes anew, `offline-run-<start>-<id>/run-<id>.wandb` from what a tracking folder holds.
    ///
    /// - Parameter folder: the run's `wandb` folder.
    /// - Returns: where it is.
    /// - Throws: `SpoolError` where the folder holds no run, or a file cannot be read or written.
    public static func write(from folder: String) throws(SpoolError) -> OfflineRun {
        let spool = SpoolFolder(path: folder)
        guard let run = try spool.run() else { throw .noRun(path: folder) }
        var records = OfflineRecords(run: run)
        for stream in SpoolFolder.Stream.sent {
            var reader = SpoolReader(folder: spool, stream: stream)
            while let line = try reader.peek() {
                records.add(line, of: stream)
                reader.take()
            }
        }
        let exit = try spool.exit()
        records.finish(exit: exit?.session == run.session ? exit : nil)

        let offline = SpoolFolder(path: "\(folder)/offline-run-\(stamp(run.startedAt))-\(run.description.id)")
        try SpoolFolder(path: offline.path + "/files").create()
        try offline.write(records.log.bytes, to: "run-\(run.description.id).wandb")
        return OfflineRun(path: offline.path)
    }

    /// `YYYYMMDD_HHMMSS`, in UTC so that another machine finds the same name.
    private static func stamp(_ date: Double) -> String {
        var seconds = time_t(date.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(
            format: "%04d%02d%02d_%02d%02d%02d", Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1,
            Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec))
    }
}

/// The records of a `.wandb` file: `Record` of W&B's `wandb_internal.proto`, by field number.
private struct OfflineRecords {
    private(set) var log = RecordLog()
    private var number = 0
    private var summary = RunSummary()

    init(run: SpooledRun) {
        let description = run.description
        record(21) { header in
            header.add(1) { version in
                version.add(1, text: RunEnvironment.protocolVersion)
                version.add(2, text: RunEnvironment.protocolVersion)
            }
        }
        record(17) { message in
            message.add(1, text: description.id)
            message.add(2, text: description.entity)
            message.add(3, text: description.project)
            message.add(4) { config in
                guard case .object(let members) = try? JSONValue(parsing: description.config) else { return }
                Self.addItems(members, to: &config, field: 1)
            }
            message.add(6, text: description.group)
            message.add(7, text: description.jobType)
            message.add(8, text: description.displayName)
            message.add(9, text: description.notes)
            for tag in description.tags { message.add(10, text: tag) }
            message.add(13, text: description.host)
            message.add(17) { Self.addTime(run.startedAt, to: &$0) }
        }
    }

    mutating func add(_ line: SpoolReader.Line, of stream: SpoolFolder.Stream) {
        switch (stream, line.row) {
        case (.history, .object(let members)?):
            guard let row = line.row else { return }
            summary.update(with: row)
            record(2) { history in
                Self.addItems(members, to: &history, field: 1)
                history.add(2) { $0.add(1, integer: row["_step"]?.integer ?? 0) }
            }
        case (.events, .object(let members)?):
            record(7) { stats in
                stats.add(2) { Self.addTime(line.row?["_timestamp"]?.double ?? 0, to: &$0) }
                let values = members.compactMap { member in
                    member.name.hasPrefix("system.")
                        ? JSONValue.Member(String(member.name.dropFirst("system.".count)), member.value) : nil
                }
                Self.addItems(values, to: &stats, field: 3)
            }
        case (.output, _):
            addOutput(line.text)
        default: return
        }
    }

    mutating func finish(exit: SpooledExit?) {
        if case .object(let members) = try? JSONValue(parsing: summary.line(runtime: exit?.runtime)) {
            record(3) { Self.addItems(members, to: &$0, field: 1) }
        }
        guard let exit else { return }
        record(18) { message in
            message.add(1, integer: Int(exit.exitCode))
            message.add(2, integer: Int(exit.runtime))
        }
    }

    /// `[ERROR ]<time> <text>` as a record of its stream, time and text.
    private mutating func addOutput(_ line: String) {
        let isError = line.hasPrefix("ERROR ")
        let parts = line.dropFirst(isError ? "ERROR ".count : 0)
            .split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let time = parts.first.map(String.init).flatMap(SpoolWriter.date(ofConsoleTime:))
        record(13) { output in
            output.add(1, varint: isError ? 0 : 1)
            output.add(2) { Self.addTime(time ?? 0, to: &$0) }
            output.add(3, text: (parts.count > 1 ? String(parts[1]) : "") + "\n")
        }
    }

    private mutating func record(_ field: UInt64, _ build: (inout ProtobufWriter) -> Void) {
        number += 1
        var record = ProtobufWriter()
        record.add(1, integer: number)
        record.add(field, build)
        log.add(record.bytes)
    }

    /// Items of a name and a JSON text.
    private static func addItems(
        _ members: [JSONValue.Member], to message: inout ProtobufWriter, field: UInt64
    ) {
        for member in members {
            message.add(field) { item in
                item.add(1, text: member.name)
                item.add(16, text: member.value.text)
            }
        }
    }

    private static func addTime(_ date: Double, to message: inout ProtobufWriter) {
        message.add(1, integer: Int(date.rounded(.down)))
        message.add(2, integer: Int((date - date.rounded(.down)) * 1e9))
    }
}
