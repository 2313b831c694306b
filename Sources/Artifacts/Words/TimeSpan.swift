/// Durations in words.
public enum TimeSpan {
    /// A duration to two places: `8 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
    public static func words(_ duration: Duration) -> String {
        let seconds = max(0, Int((duration / .seconds(1)).rounded()))
        func two(_ first: Int, _ a: String, _ second: Int, _ b: String) -> String {
            second == 0 ? "\(first) \(a)" : "\(first) \(a) \(second) \(b)"
        }
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return two(seconds / 60, "min", seconds % 60, "s")
        case ..<86400: return two(seconds / 3600, "h", seconds % 3600 / 60, "min")
        default: return two(seconds / 86400, "d", seconds % 86400 / 3600, "h")
        }
    }
}
