import Glibc

/// How often the kernel has killed a process because there was no memory left.
public enum MemoryKills {
    /// On this machine, in all of its control groups, since it was started; nil if the kernel (before 4.13) does not
    /// count.
    public static var count: Int? {
        guard let file = fopen("/proc/vmstat", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                .split(whereSeparator: \.isWhitespace)
            if words.count == 2, words[0] == "oom_kill" { return Int(words[1]) }
        }
        return nil
    }
}
