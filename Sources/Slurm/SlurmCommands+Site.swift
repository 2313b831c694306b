/// One partition, by SLURM's own key words (`PartitionName`, `Default`, `MaxTime`, `TotalNodes`).
public typealias SlurmPartition = [String: String]

/// What some nodes of a partition have.
public struct SlurmNodeKind: Sendable, Equatable {
    /// The partition.
    public let partition: String
    /// How many processors each has.
    public let cores: Int
    /// How much memory each has.
    public let megabytes: Int
}

extension SlurmCommands {
    /// The kinds of nodes there are, in one question.
    public func nodeKinds() async throws(SlurmError) -> [SlurmNodeKind] {
        Self.nodeKinds(in: try await run("sinfo", ["-h", "-e", "-o", "%R|%c|%m"]))
    }

    /// `debug|64|256000`, one line each.
    static func nodeKinds(in text: String) -> [SlurmNodeKind] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let fields = line.split(separator: "|", omittingEmptySubsequences: false)
            guard fields.count == 3, let cores = Int(fields[1]), let megabytes = Int(fields[2]) else { return nil }
            return SlurmNodeKind(partition: String(fields[0]), cores: cores, megabytes: megabytes)
        }
    }

    /// The version of the commands, without asking the controller: `slurm-wlm 22.05.8`.
    public func version() async throws(SlurmError) -> String {
        let text = try await run("sbatch", ["--version"])
        let lines = text.split(whereSeparator: \.isNewline)
        return (lines.first { $0.hasPrefix("slurm") } ?? lines.first).map(String.init) ?? "unknown"
    }

    /// The controller's settings by their names, in one question.
    public func settings() async throws(SlurmError) -> [String: String] {
        Self.settings(in: try await run("scontrol", ["show", "config"]))
    }

    /// All partitions that the user may see, in one question.
    public func partitions() async throws(SlurmError) -> [SlurmPartition] {
        try await run("scontrol", ["show", "partition", "-o"]).split(whereSeparator: \.isNewline).map(Self.words)
            .filter { $0["PartitionName"] != nil }
    }

    /// `MaxArraySize            = 1001`, one line each.
    static func settings(in text: String) -> [String: String] {
        let pairs = text.split(whereSeparator: \.isNewline).compactMap { line -> (String, String)? in
            guard let sign = line.firstRange(of: "=") else { return nil }
            let name = line[..<sign.lowerBound].trimmingSpaces
            return name.isEmpty || name.contains(" ") ? nil : (name, line[sign.upperBound...].trimmingSpaces)
        }
        return Dictionary(pairs) { $1 }
    }

    /// `PartitionName=debug Default=YES …`, all in a line.
    static func words(_ line: Substring) -> [String: String] {
        let pairs = line.split(separator: " ").compactMap { word -> (String, String)? in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        return Dictionary(pairs) { $1 }
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        var rest = drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
