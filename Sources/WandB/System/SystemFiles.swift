import Artifacts
import Foundation
import Glibc

/// What the kernel reports about the machine and this process in `/proc` and `/sys`.
struct SystemFiles {
    /// Bytes since the machine started.
    struct Traffic: Equatable {
        var read = 0.0
        var written = 0.0
    }

    struct Mount: Equatable {
        let root: String
        let point: String
        let type: String
        let source: String
    }

    private let files: KernelFiles

    /// Reads what is below a folder that holds `proc` and `sys`.
    init(root: String) { files = KernelFiles(root: root) }

    func text(of path: String) -> String { files.text(of: path) ?? "" }

    func lines(of path: String) -> [String] { files.lines(of: path) }

    /// `Name: number …` lines.
    func fields(of path: String) -> [String: Double] { files.fields(of: path).mapValues(Double.init) }

    /// The group of version 2 that this process is in, and what it limits.
    func ownGroup(_ controller: String) -> ControlGroup? { files.groups(controller).first(where: \.isUnified) }

    /// The share of the time since this process started that it has spent on processors, more than 1 on several.
    var shareOfTime: Double? {
        let uptime = Double(text(of: "/proc/uptime").split(separator: " ").first ?? "")
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        guard let process = files.thisProcess, let uptime, uptime > Double(process.start) / ticks else { return nil }
        return Double(process.ticks) / ticks / (uptime - Double(process.start) / ticks)
    }

    /// How many processors there are, counting those that share a core.
    var processors: Int {
        max(1, lines(of: "/proc/stat").count { $0.hasPrefix("cpu") && !$0.hasPrefix("cpu ") })
    }

    /// How many cores there are.
    var cores: Int {
        let siblings = (0..<processors).map {
            text(of: "/sys/devices/system/cpu/cpu\($0)/topology/thread_siblings_list")
        }
        return max(1, siblings.contains("") ? processors : Set(siblings).count)
    }

    /// How many processors this process may run on.
    var processorsAllowed: Int? {
        let line = lines(of: "/proc/self/status").first { $0.hasPrefix("Cpus_allowed_list:") }
        return line?.split(separator: ":").last.map { list in
            list.split(separator: ",").reduce(0) { sum, range in
                let ends = range.split(separator: "-").compactMap {
                    Int($0.trimmingCharacters(in: .whitespaces))
                }
                return sum + (ends.count == 2 ? max(0, ends[1] - ends[0] + 1) : ends.count)
            }
        }
    }

    /// All networks' traffic.
    var network: Traffic? {
        let interfaces = lines(of: "/proc/net/dev").compactMap { line -> Traffic? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let numbers = line[line.index(after: colon)...].split(separator: " ").compactMap { Double($0) }
            return numbers.count > 8 ? Traffic(read: numbers[0], written: numbers[8]) : nil
        }
        guard !interfaces.isEmpty else { return nil }
        return interfaces.reduce(into: Traffic()) {
            $0.read += $1.read
            $0.written += $1.written
        }
    }

    /// The traffic of each disk and partition.
    var disks: [String: Traffic] {
        var disks: [String: Traffic] = [:]
        for line in lines(of: "/proc/diskstats") {
            let fields = line.split(separator: " ")
            guard fields.count > 9, let read = Double(fields[5]), let written = Double(fields[9]) else { continue }
            // A sector has 512 bytes here, whatever the disk's has.
            disks[String(fields[2])] = Traffic(read: 512 * read, written: 512 * written)
        }
        return disks
    }

    var mounts: [Mount] {
        lines(of: "/proc/self/mountinfo").compactMap { line in
            let parts = line.split(separator: " ").map(String.init)
            guard let dash = parts.firstIndex(of: "-"), dash >= 6, parts.count > dash + 2 else { return nil }
            return Mount(root: parts[3], point: parts[4], type: parts[dash + 1], source: parts[dash + 2])
        }
    }

    /// The devices that hold a folder: in a container, whose root is on none, all that are mounted; else all real ones.
    func devices(of folder: String, among known: Set<String>) -> [String] {
        let onDisk = mounts.filter { $0.source.hasPrefix("/dev/") }
        let isReal = { (name: String) in !["loop", "ram", "zram"].contains(where: name.hasPrefix) }
        let holding = onDisk.filter { folder.hasPrefix($0.point) }
        let names = (onDisk.contains { $0.point == "/" } ? holding : onDisk).map { String($0.source.dropFirst(5)) }
        let found = Set(names).intersection(known).filter { !holding.isEmpty || isReal($0) }
        return (found.isEmpty ? known.filter(isReal) : found).sorted()
    }

    /// How many bytes of a file system are used, and how many an ordinary user may still use.
    static func space(of path: String) -> (used: Double, available: Double)? {
        var information = statvfs()
        guard statvfs(path, &information) == 0, information.f_blocks > 0 else { return nil }
        let block = Double(information.f_frsize)
        return (
            Double(information.f_blocks - information.f_bfree) * block, Double(information.f_bavail) * block
        )
    }
}
