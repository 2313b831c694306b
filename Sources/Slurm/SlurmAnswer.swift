/// Reads what SLURM's commands print, whatever a site's wrappers print around it.
enum SlurmAnswer {
    /// The entries that `squeue` lists below its header.
    ///
    /// The header is what tells an empty queue from what is no answer at all, be it words or nothing. An answer that was
    /// cut off is none: what is missing would be taken for what has ended.
    static func queue(_ text: String) throws(SlurmError) -> [QueueEntry] {
        var entries: [QueueEntry] = []
        var others: [Substring] = []
        var isAnswer = false
        for line in text.split(whereSeparator: \.isNewline) {
            if let entry = QueueEntry(line: line) {
                entries.append(entry)
                isAnswer = true
            } else if line.hasPrefix("JOBID|"), line.count(where: { $0 == "|" }) == 7 {
                isAnswer = true
            } else if line.count(where: { $0 == "|" }) >= 7 || line.contains(/^(\d+(_\d+)?|JOBID)(\||$)/) {
                throw .unreadable(command: "squeue", output: String(line))
            } else {
                others.append(line)
            }
        }
        guard isAnswer else {
            throw .unreadable(command: "squeue", output: others.joined(separator: "; "))
        }
        return entries
    }

    /// The lines that `sacct -P` prints below its header, which tells that there is nothing from what is no answer.
    static func accounts(_ text: String) throws(SlurmError) -> [Substring] {
        let lines = text.split(whereSeparator: \.isNewline)
        guard let header = lines.firstIndex(where: { $0.hasPrefix("JobID|") }), text.last?.isNewline == true else {
            throw .unreadable(command: "sacct", output: message(text))
        }
        return Array(lines[(header + 1)...])
    }

    /// Whether one of the controllers is up: `Slurmctld(primary) at head1 is UP`; older versions say of two that they
    /// `are UP/DOWN`.
    static func saysUp(_ ping: String) -> Bool {
        ping.split(whereSeparator: \.isNewline).contains { $0.contains("Slurmctld") && $0.contains(/\b(is|are) .*UP/) }
    }

    /// What `scontrol ping` says of the controllers, else all it says.
    static func pingLines(_ ping: String) -> String {
        let lines = ping.split(whereSeparator: \.isNewline).filter { $0.contains("Slurmctld") }
        return lines.isEmpty ? message(ping) : lines.joined(separator: "; ")
    }

    /// Why a command has failed, from what it printed: its errors without its name, or all lines if it marks none.
    static func message(_ text: String) -> String {
        errors(in: text) ?? text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    /// The lines that a command has marked as errors, without its name; nil where there are none.
    static func errors(in text: String) -> String? {
        let errors = text.split(whereSeparator: \.isNewline).filter { $0.contains(/\b(error|fatal):/.ignoresCase()) }
        guard !errors.isEmpty else { return nil }
        return errors.map { line in
            let parts = line.split(separator: ": ", maxSplits: 2)
            return parts.count == 3 && ["error", "fatal"].contains(parts[1]) ? String(parts[2]) : String(line)
        }.joined(separator: "; ")
    }
}
