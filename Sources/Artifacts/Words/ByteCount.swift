private import Foundation

/// Sizes in words.
public enum ByteCount {
    /// `512 B`, `3.4 kB`, `1.2 MB`.
    public static func words(_ bytes: Int) -> String {
        let units = ["kB", "MB", "GB", "TB"]
        guard bytes >= 1000 else { return "\(bytes) B" }
        var value = Double(bytes) / 1000
        var unit = 0
        while value >= 999.95, unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
        return String(format: "%.1f ", value) + units[unit]
    }
}
