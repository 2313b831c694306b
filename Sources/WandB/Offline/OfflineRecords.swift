import JSON

/// The records of a `.wandb` file: `Record` of W&B's `wandb_internal.proto`, by field number.
struct OfflineRecords {
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
            // Without it, W&B's client thinks that the run never began.
            message.add(19) { telemetry in
                telemetry.add(5, text: RunEnvironment.protocolVersion)
                telemetry.add(12, text: RunEnvironment.protocolVersion)
                telemetry.add(13, text: RunEnvironment.platform)
            }
            if let commit = description.commit {
                message.add(21) { git in
                    git.add(1, text: description.repository)
                    git.add(2, text: commit)
                }
            }
        }
        addEnvironment(run)
        for name in run.metrics ?? [] {
            record(12) { metric in
                metric.add(1, text: name)
                metric.add(4, text: "_step")
                metric.add(6) { options in
                    options.add(1, varint: 1)
                    options.add(3, varint: 1)
                }
            }
        }
    }

    /// Where the run was executed.
    private mutating func addEnvironment(_ run: SpooledRun) {
        guard let text = run.environment, let known = try? JSONValue(parsing: text) else { return }
        record(26) { message in
            message.add(1, text: known["os"]?.string)
            message.add(3) { Self.addTime(run.startedAt, to: &$0) }
            for argument in known["args"]?.elements ?? [] { message.add(5, text: argument.string) }
            message.add(6, text: known["program"]?.string)
            if let commit = known["git"]?["commit"]?.string {
                message.add(9) { git in
                    git.add(1, text: known["git"]?["remote"]?.string)
                    git.add(2, text: commit)
                }
            }
            message.add(11, text: known["root"]?.string)
            message.add(12, text: known["host"]?.string)
            message.add(14, text: known["executable"]?.string)
            message.add(16, integer: known["cpu_count"]?.integer ?? 0)
            message.add(17, integer: known["cpu_count_logical"]?.integer ?? 0)
            if let bytes = known["memory"]?["total"]?.string.flatMap({ Int($0) }) {
                message.add(21) { $0.add(1, integer: bytes) }
            }
            if let model = known["cpu"]?["model"]?.string { message.add(22) { $0.add(3, text: model) } }
            message.add(199, text: known["writerId"]?.string)
        }
    }

    /// A file to upload, below `files/`.
    mutating func addFile(_ name: String) {
        record(6) { files in
            files.add(1) { item in
                item.add(1, text: name)
                // Uploaded at the end; 2 is media, 0 anything else.
                item.add(2, varint: 1)
                item.add(3, varint: name.hasPrefix("media/") ? 2 : 0)
            }
        }
    }

    mutating func add(_ line: SpoolReader.Line, of stream: SpoolFolder.Stream) {
        switch (stream, line.row) {
        case (.history, .object(let members)?):
            guard let row = line.row else { return }
            // The sender creates artifacts from the tracking folder; `wandb sync` sends the files alone.
            let members = members.map { JSONValue.Member($0.name, Self.withoutArtifact($0.value)) }
            summary.update(with: .object(members))
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

    /// A table as its file alone holds it.
    private static func withoutArtifact(_ value: JSONValue) -> JSONValue {
        guard case .object(let members) = value, value["_type"]?.string == "table-file" else { return value }
        return .object(members.filter { !["artifact_path", "_latest_artifact_path"].contains($0.name) })
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
