import Glibc

/// What SLURM's accounting says about one job or array task.
public struct SlurmAccount: Sendable, Equatable {
    /// SLURM's name for it: `812`, or `812_3`.
    public let name: String
    /// How long it waited in the queue, in seconds.
    public let queueSeconds: Double?
    /// How long it had its allocation, in seconds.
    public let elapsedSeconds: Double
    /// How many processors it was given.
    public let cpus: Int
    /// The CPU time that it took, in seconds.
    public let cpuSeconds: Double
    /// The most memory that it held, in bytes.
    public let peakMemory: Int?
}

extension SlurmCommands {
    /// What SLURM's accounting says about jobs, in one query.
    ///
    /// - Parameter jobs: SLURM's numbers for them.
    /// - Returns: An entry for each task that it knows; nil if no accounts are kept.
    /// - Throws: ``SlurmError`` if that can't be found out.
    public func accounts(of jobs: [SlurmJobID]) async throws(SlurmError) -> [SlurmAccount]? {
        guard !jobs.isEmpty else { return [] }
        do throws(SlurmError) {
            return try Self.accounts(
                in: await run(
                    "sacct",
                    [
                        "-P", "-D", "-j", jobs.map(\.description).joined(separator: ","), "--units=K",
                        "-o", "JobID,ElapsedRaw,AllocCPUS,TotalCPU,MaxRSS,Submit,Start",
                    ]))
        } catch {
            guard error.isWithoutAccounts else { throw error }
            return nil
        }
    }

    /// What SLURM's accounting says about the user's jobs with a name: it remembers what the queue has long forgotten.
    ///
    /// - Returns: An entry for each job, or task of an array; none where no accounts are kept.
    /// - Throws: ``SlurmError`` if that can't be found out.
    public func remembered(named name: String) async throws(SlurmError) -> [QueueEntry] {
        do throws(SlurmError) {
            let text = try await run(
                "sacct",
                [
                    "-X", "-P", "--user", Self.user, "--name", name, "-S", "now-30days",
                    "-o", "JobID,JobIDRaw,State,JobName,NodeList,Reason",
                ])
            return try Self.entries(in: text).filter { $0.jobName == name }
        } catch {
            guard error.isWithoutAccounts else { throw error }
            return []
        }
    }

    /// The jobs that `sacct` lists, each as the queue would have it.
    ///
    /// - Throws: ``SlurmError/unreadable(command:output:)`` for a row that can't be understood; what a wrapper prints
    ///   between them is none.
    static func entries(in text: String) throws(SlurmError) -> [QueueEntry] {
        var entries: [QueueEntry] = []
        for line in try SlurmAnswer.accounts(text) where line.contains("|") {
            guard let entry = entry(line) else { throw .unreadable(command: "sacct", output: String(line)) }
            entries.append(entry)
        }
        return entries
    }

    /// `812_3|815|OUT_OF_MEMORY|spd-a|n1|None` as the queue would have it; nil if a field is missing or no number.
    private static func entry(_ line: Substring) -> QueueEntry? {
        let fields = line.split(separator: "|", maxSplits: 5, omittingEmptySubsequences: false)
        guard fields.count == 6 else { return nil }
        let parts = fields[0].split(separator: "_", maxSplits: 1)
        let nodes = fields[4] == "None assigned" ? "" : fields[4]
        let task = parts.count == 2 ? parts[1] : "N/A"
        return QueueEntry(
            line: [fields[0], fields[1], parts.first ?? "", task, fields[2], fields[3], nodes, fields[5], ""]
                .joined(separator: "|") + QueueEntry.end)
    }

    /// `812_3|40|2|00:35.120||2026-01-31T12:00:00|2026-01-31T12:00:10` for an allocation, and
    /// `812_3.batch|40|2|00:35.120|10240K|…` for a step in it.
    static func accounts(in text: String) throws(SlurmError) -> [SlurmAccount] {
        var rows: [String: (elapsed: Double, cpus: Int, cpu: Double, memory: Int?, queue: Double?)] = [:]
        for line in try SlurmAnswer.accounts(text) {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false)
            guard fields.count >= 7, let elapsed = Double(fields[1]), let cpus = Int(fields[2]) else { continue }
            let parts = fields[0].split(separator: ".", maxSplits: 1)
            guard let name = parts.first.map(String.init) else { continue }
            var row = rows[name] ?? (0, 0, 0, nil, nil)
            if let memory = Double(fields[4].filter { $0.isNumber || $0 == "." }) {
                row.memory = max(row.memory ?? 0, Int(memory * 1024))
            }
            if parts.count == 1 {
                // A job that was started again has a line for each time.
                row.elapsed += elapsed
                row.cpus = max(row.cpus, cpus)
                row.cpu += seconds(fields[3]) ?? 0
                if let submitted = moment(fields[5]), let started = moment(fields[6]) {
                    row.queue = (row.queue ?? 0) + max(0, started - submitted)
                }
            }
            rows[name] = row
        }
        return rows.filter { $0.value.cpus > 0 }.sorted { $0.key < $1.key }.map { name, row in
            SlurmAccount(
                name: name, queueSeconds: row.queue, elapsedSeconds: row.elapsed, cpus: row.cpus, cpuSeconds: row.cpu,
                peakMemory: row.memory)
        }
    }

    /// `2026-01-31T12:00:00` in seconds; whatever the time zone, differences are right.
    private static func moment(_ text: Substring) -> Double? {
        let numbers = text.split { "-T:".contains($0) }.compactMap { Int32($0) }
        guard numbers.count == 6 else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        return Double(timegm(&parts))
    }

    /// `1-02:03:04`, `02:03:04` or `03:04.567`.
    private static func seconds(_ text: Substring) -> Double? {
        let days = text.split(separator: "-", maxSplits: 1)
        guard let clock = days.last else { return nil }
        var sum = 0.0
        for part in clock.split(separator: ":") {
            guard let number = Double(part) else { return nil }
            sum = sum * 60 + number
        }
        return sum + (days.count == 2 ? 86_400 * (Double(days[0]) ?? 0) : 0)
    }
}
