import Glibc
import JSON

/// Measures this process and its machine from `/proc`, under W&B's names.
struct SystemSampler {
    private var earlier: (busy: Double, total: Double)?

    /// Percentages, MiB and counts; what this machine does not tell is left out.
    mutating func sample() -> [(name: String, value: JSONValue)] {
        var values: [(name: String, value: JSONValue)] = []
        if let times = Self.cpuTimes() {
            if let earlier, times.total > earlier.total {
                values.append(
                    ("cpu", .number(100 * (times.busy - earlier.busy) / (times.total - earlier.total))))
            }
            earlier = times
        }
        let memory = Self.fields(of: "/proc/meminfo")
        let process = Self.fields(of: "/proc/self/status")
        if let total = memory["MemTotal"], let available = memory["MemAvailable"], total > 0 {
            values.append(("memory_percent", .number(100 * (1 - available / total))))
            values.append(("proc.memory.availableMB", .number(available / 1024)))
            if let resident = process["VmRSS"] {
                values.append(("proc.memory.rssMB", .number(resident / 1024)))
                values.append(("proc.memory.percent", .number(100 * resident / total)))
            }
        }
        if let threads = process["Threads"] { values.append(("proc.cpu.threads", .number(Int(threads)))) }
        return values
    }

    /// Ticks that all processors spent, busy and in all: the first line of `/proc/stat`.
    private static func cpuTimes() -> (busy: Double, total: Double)? {
        let line = text(of: "/proc/stat").split(separator: "\n").first ?? ""
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
        guard ticks.count >= 5 else { return nil }
        let total = ticks.reduce(0, +)
        return (total - ticks[3] - ticks[4], total)
    }

    /// `Name: number …` lines.
    private static func fields(of path: String) -> [String: Double] {
        var fields: [String: Double] = [:]
        for line in text(of: path).split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " || $0 == "\t" })
            if parts.count >= 2, let value = Double(parts[1]) { fields[String(parts[0])] = value }
        }
        return fields
    }

    private static func text(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 32768)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }
}
