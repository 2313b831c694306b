import Glibc

/// What the kernel reports in files: `/proc`, `/sys`.
public struct KernelFiles: Sendable {
    /// The folder that holds `proc` and `sys`.
    public let root: String

    /// Names it; the system's own where nothing is said.
    public init(root: String = "") { self.root = root }

    /// What a file holds; nil where there is none.
    public func text(of path: String) -> String? {
        let descriptor = open(root + path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 32768)
        while true {
            let count = uninterrupted { read(descriptor, &buffer, buffer.count) }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// A file's lines; none where there is no file.
    public func lines(of path: String) -> [String] { (text(of: path) ?? "").split(separator: "\n").map(String.init) }

    /// The number that is all a file holds.
    public func number(of path: String) -> Int? {
        text(of: path)?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
    }

    /// The first number of each line, by the name before it: `Name: number …`, `name number`.
    public func fields(of path: String) -> [String: Int] {
        var fields: [String: Int] = [:]
        for line in lines(of: path) {
            let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " || $0 == "\t" })
            if parts.count >= 2, let value = Int(parts[1]) { fields[String(parts[0])] = value }
        }
        return fields
    }

    /// The size of this process's address space, in bytes.
    var addressSpace: Int {
        let pages = text(of: "/proc/self/statm")?.split(separator: " ").first.flatMap { Int($0) }
        return (pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// What the kernel reports about a process.
public struct ProcessRecord: Sendable, Equatable {
    /// Whether it has ended, and its parent has not looked yet.
    public let isOver: Bool
    /// The time it has spent in its own code and in the kernel's, in ticks.
    public let ticks: UInt64
    /// When it started, in ticks since the machine did: numbers of processes come again.
    public let start: UInt64

    /// Reads `/proc/PID/stat`: `4711 (name) S …`.
    init?(_ text: String) {
        // The name may hold anything, so all else is counted from its end.
        guard let end = text.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[text.utf8.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let user = UInt64(fields[11]), let kernel = UInt64(fields[12]),
            let start = UInt64(fields[19])
        else { return nil }
        isOver = fields[0] == "Z" || fields[0] == "X"
        ticks = user + kernel
        self.start = start
    }
}

extension KernelFiles {
    /// A process of this machine; nil if there is none of that number.
    public func process(_ number: Int32) -> ProcessRecord? {
        text(of: "/proc/\(number)/stat").flatMap(ProcessRecord.init)
    }

    /// This process.
    public var thisProcess: ProcessRecord? { text(of: "/proc/self/stat").flatMap(ProcessRecord.init) }
}
