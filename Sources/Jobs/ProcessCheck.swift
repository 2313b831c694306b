public import Glibc

/// What can be learned about a local process from its id.
public enum ProcessCheck {
    /// Whether a process of this machine still runs; one that has ended but whose parent hasn't looked counts as gone.
    public static func isRunning(_ pid: pid_t) -> Bool {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return false }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, Int32(line.count), file) != nil else { return false }
        // 4711 (name) S …: the name may hold anything, so the state is searched after its end.
        let bytes = line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")), bytes.count > end + 2 else { return false }
        return bytes[end + 2] != UInt8(ascii: "Z") && bytes[end + 2] != UInt8(ascii: "X")
    }

    /// The words of a process's command line, empty if there is no such process.
    public static func commandLine(of pid: pid_t) -> [String] {
        guard let file = fopen("/proc/\(pid)/cmdline", "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = fread(&bytes, 1, bytes.count, file)
        return bytes.prefix(count).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
