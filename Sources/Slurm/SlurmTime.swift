/// Times as SLURM writes and reads them.
public enum SlurmTime {
    /// How long before this time limit SLURM should warn agents: enough to save, a small part of the whole.
    ///
    /// `nil` means the partition's own limit, without a request.
    public static func warning(before limit: Duration?) -> Duration {
        guard let limit else { return .seconds(120) }
        return min(max(limit / 4, .seconds(15)), .seconds(300))
    }

    /// Reads a time limit or a rest of time: `30` (minutes), `5:00`, `2:00:00`, `1-12`, `1-12:30:00`.
    ///
    /// - Returns: `nil` for `UNLIMITED`, `infinite` and whatever is no time.
    public static func duration(_ text: String) -> Duration? {
        let trimmed = text.split(whereSeparator: \.isWhitespace).joined()
        let parts = trimmed.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let fields = (parts.last ?? "").split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...3).contains(fields.count), fields.allSatisfy({ $0.map { $0 >= 0 } ?? false }) else { return nil }
        let numbers = fields.compactMap(\.self)
        guard parts.count == 1 else {
            guard let days = Int(parts[0]), days >= 0 else { return nil }
            // Days come with hours, then minutes, then seconds.
            let seconds = zip(numbers, [3600, 60, 1]).reduce(0) { $0 + $1.0 * $1.1 }
            return .seconds(days * 86400 + seconds)
        }
        switch numbers.count {
        case 1: return .seconds(numbers[0] * 60)
        case 2: return .seconds(numbers[0] * 60 + numbers[1])
        default: return .seconds(numbers[0] * 3600 + numbers[1] * 60 + numbers[2])
        }
    }
}
