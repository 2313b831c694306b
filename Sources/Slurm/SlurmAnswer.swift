/// Reads what SLURM's commands print, whatever a site's wrappers print around it.
enum SlurmAnswer {
    /// The entries that `squeue` lists below its header.
    ///
    /// The header distinguishes an empty queue from something that is not an answer, text or nothing. An answer
    /// that was cut off does not count: missing jobs would look ended.
    static func queue(_ text: String) throws(SlurmError) -> [QueueEntry] {
        var entries: [QueueEntry] = []
        var others: [Substring] = []
        var isAnswer = false
        // What has begun and not ended yet: a line break in a job's name parts its line.
        var begun = ""
        for line in text.split(whereSeparator: \.isNewline) {
            if begun.isEmpty, !line.contains(/^(\d+(_\S*)?|JOBID)\|/), line.count(where: { $0 == "|" }) < 7 {
                others.append(line)
                continue
            }
            begun += (begun.isEmpty ? "" : "\n") + line
            guard begun.hasSuffix(QueueEntry.end) else { continue }
            if let entry = QueueEntry(line: begun) {
                entries.append(entry)
            } else if !begun.hasPrefix("JOBID|") {
                break
            }
            isAnswer = true
            begun = ""
        }
        // Even the next one's number may be cut off.
        if begun.isEmpty, let last = others.last, last.contains(/^\d+(_\d*)?$/), text.trimmingNewlines.hasSuffix(last) {
            begun = String(last)
        }
        guard begun.isEmpty else {
            throw .unreadable(command: "squeue", output: begun.replacing("\n", with: " "))
        }
        guard isAnswer else {
            throw .unreadable(command: "squeue", output: others.joined(separator: "; "))
        }
        return entries
    }

    /// The lines that `sacct -P` prints below its header, which distinguishes an empty answer from none.
    static func accounts(_ text: String) throws(SlurmError) -> [Substring] {
        let lines = text.split(whereSeparator: \.isNewline)
        guard let header = lines.firstIndex(where: { $0.hasPrefix("JobID|") }), text.last?.isNewline == true else {
            throw .unreadable(command: "sacct", output: message(text))
        }
        return Array(lines[(header + 1)...])
    }

    /// Whether one of the controllers is up: `Slurmctld(primary) at head1 is UP`; older versions say of two that
    /// they `are UP/DOWN`.
    static func saysUp(_ ping: String) -> Bool {
        ping.split(whereSeparator: \.isNewline).contains { $0.contains("Slurmctld") && $0.contains(/\b(is|are) .*UP/) }
    }

    /// What `scontrol ping` says about the controllers, or else its whole output.
    static func pingLines(_ ping: String) -> String {
        let lines = ping.split(whereSeparator: \.isNewline).filter { $0.contains("Slurmctld") }
        return lines.isEmpty ? message(ping) : lines.joined(separator: "; ")
    }

    /// Why a command has failed, from what it printed: its errors without its name, or all lines if it marks none.
    static func message(_ text: String) -> String {
        errors(in: text) ?? text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    /// The lines that a command has marked as errors, without its name; nil if there are none.
    static func errors(in text: String) -> String? {
        let errors = text.split(whereSeparator: \.isNewline).filter { $0.contains(/\b(error|fatal):/.ignoresCase()) }
        guard !errors.isEmpty else { return nil }
        return errors.map { line in
            let parts = line.split(separator: ": ", maxSplits: 2)
            return parts.count == 3 && ["error", "fatal"].contains(parts[1]) ? String(parts[2]) : String(line)
        }.joined(separator: "; ")
    }
}

extension String {
    fileprivate var trimmingNewlines: Substring {
        var rest = self[...]
        while rest.last?.isNewline == true { rest.removeLast() }
        return rest
    }
}
