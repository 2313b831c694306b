/// SLURM's number for a job; all tasks of an array share the array's.
public struct SlurmJobID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int64

    /// Wraps a job's number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Reads the answer of `sbatch --parsable`: a number, followed by `;cluster` on federated clusters.
    ///
    /// A site's wrapper may print around it what it likes, or answer as `sbatch` does without `--parsable`.
    public init?(parsable answer: String) {
        guard let job = Self.candidates(in: answer).first else { return nil }
        self = job
    }

    /// All numbers in an answer of `sbatch --parsable` that may be the job's, likeliest first.
    static func candidates(in answer: String) -> [SlurmJobID] {
        let lines = answer.split(whereSeparator: \.isNewline)
        let numbers = lines.compactMap { line -> Int64? in
            let word = line.drop(while: \.isWhitespace).prefix { $0 != ";" && !$0.isWhitespace }
            let rest = line.drop(while: \.isWhitespace).dropFirst(word.count)
            guard rest.first == ";" || rest.allSatisfy(\.isWhitespace) else { return nil }
            return word.allSatisfy { $0.isASCII && $0.isNumber } ? Int64(word) : nil
        }
        let sentences = lines.compactMap { $0.firstMatch(of: /^\s*Submitted batch job (\d+)/).flatMap { Int64($0.1) } }
        var seen: Set<Int64> = []
        return (numbers.reversed() + sentences.reversed()).filter { $0 > 0 && seen.insert($0).inserted }
            .map(SlurmJobID.init)
    }

    /// The number as SLURM prints it.
    public var description: String { String(rawValue) }
}

/// A job's state in SLURM's own words; unknown words are values like any other.
public struct SlurmState: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The word.
    public let rawValue: String

    /// Wraps SLURM's word.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Waits for its turn.
    public static let pending = SlurmState(rawValue: "PENDING")
    /// Runs.
    public static let running = SlurmState(rawValue: "RUNNING")
    /// Its processes are going.
    public static let completing = SlurmState(rawValue: "COMPLETING")

    /// Whether SLURM is sure to be finished with the job: it neither runs nor will run again.
    ///
    /// False for unknown words: those mean "look again".
    public var isFinal: Bool { Self.finalWords.contains(rawValue) }

    /// Whether its processes stand still until somebody lets them continue.
    public var isSuspended: Bool { ["SUSPENDED", "STOPPED"].contains(rawValue) }

    /// The word as SLURM prints it.
    public var description: String { rawValue }

    private static let finalWords: Set<String> = [
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
        "PREEMPTED", "REVOKED", "TIMEOUT",
    ]
}

/// One line of `squeue`: a job, or one task of an array.
public struct QueueEntry: Sendable, Equatable, Codable {
    /// The words to give `squeue` for ``init(line:)``: the same on every SLURM version.
    ///
    /// A name may hold line breaks, and an answer may be cut off anywhere: what does not end in `end` is no whole entry.
    public static let format = "%i|%A|%F|%K|%T|%j|%N|%r|%o" + end

    static let end = "|."

    /// The name as users see it: `812` or `812_3`.
    public let name: String
    /// The number of the job or task itself.
    public let job: SlurmJobID
    /// The number of the array, the job's own if it is none.
    public let arrayJob: SlurmJobID
    /// The task's index in its array.
    public let task: Int?
    /// Its state.
    public let state: SlurmState
    /// The job's name.
    public let jobName: String
    /// The nodes it has or had, as SLURM writes them.
    public let nodes: String
    /// Why it is in that state, in SLURM's word (`None`, `Resources`, `PartitionConfig`).
    public let reason: String
    /// Its batch script's path, which identifies it whatever its name; empty if unknown.
    public let script: String

    /// Reads one line in ``format``; `nil` if it isn't one.
    public init?(line: some StringProtocol) {
        guard line.hasSuffix(Self.end) else { return nil }
        self.init(
            fields: line.dropLast(Self.end.count).split(separator: "|", maxSplits: 7, omittingEmptySubsequences: false))
    }

    private init?(fields: [some StringProtocol]) {
        guard fields.count == 8, let job = Int64(fields[1]), let array = Int64(fields[2]) else { return nil }
        name = String(fields[0])
        self.job = SlurmJobID(rawValue: job)
        arrayJob = SlurmJobID(rawValue: array)
        task = Int(fields[3])
        // If somebody else ended it, some answers say who: CANCELLED by 0.
        state = SlurmState(rawValue: String(fields[4].prefix { $0 != " " }))
        jobName = String(fields[5])
        nodes = String(fields[6])
        let rest = String(fields[7])
        // Reasons may hold anything but paths.
        let border = rest.firstRange(of: "|/")?.lowerBound ?? rest.lastIndex(of: "|")
        reason = String(rest[..<(border ?? rest.endIndex)])
        script = border.map { String(rest[rest.index(after: $0)...]) } ?? ""
    }
}
