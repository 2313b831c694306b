import Foundation
import JSON

/// Measures this process and its machine, under the names of W&B's own client and with its meaning.
///
/// Traffic counts from the sampler's start. Percentages are of what the process may use: its cgroup's limits where it
/// has some, as in a container or a SLURM job, else the machine.
struct SystemSampler {
    private let system: SystemFiles
    private let limits: CgroupLimits
    private let capacity: Double
    private let devices: [String]
    private let disksAtStart: [String: SystemFiles.Traffic]
    private let networkAtStart: SystemFiles.Traffic?

    /// Starts to count.
    ///
    /// - Parameter root: the folder that holds `proc` and `sys`.
    init(root: String = "") {
        system = SystemFiles(root: root)
        limits = CgroupLimits(system)
        capacity = limits.processors ?? Double(system.cores)
        disksAtStart = system.disks
        devices = system.devices(of: "/", among: Set(disksAtStart.keys))
        networkAtStart = system.network
    }

    /// Percentages, MiB, bytes and counts; what this machine does not report is left out.
    func sample() -> [(name: String, value: JSONValue)] {
        (network + disks + memory + process).map { ($0.0, JSONValue.shortest($0.1)) }
    }

    private var network: [(String, Double)] {
        guard let start = networkAtStart, let now = system.network else { return [] }
        return [("network.sent", now.written - start.written), ("network.recv", now.read - start.read)]
    }

    private var disks: [(String, Double)] {
        var values: [(String, Double)] = []
        if let space = SystemFiles.space(of: "/") {
            values.append(("disk./.usagePercent", 100 * space.used / (space.used + space.available)))
            values.append(("disk./.usageGB", space.used / 1_073_741_824))
        }
        let traffic = system.disks
        for device in devices {
            guard let start = disksAtStart[device], let now = traffic[device] else { continue }
            values.append(("disk.\(device).in", (now.read - start.read) / 1_048_576))
            values.append(("disk.\(device).out", (now.written - start.written) / 1_048_576))
        }
        return values
    }

    private var memory: [(String, Double)] {
        if let limit = limits.memory, let used = limits.memoryInUse(system) {
            return [
                ("memory_percent", 100 * used / limit),
                ("proc.memory.availableMB", max(0, limit - used) / 1_048_576),
            ]
        }
        let memory = system.fields(of: "/proc/meminfo")
        guard let total = memory["MemTotal"], let available = memory["MemAvailable"], total > 0 else { return [] }
        return [("memory_percent", 100 * (1 - available / total)), ("proc.memory.availableMB", available / 1024)]
    }

    private var process: [(String, Double)] {
        var values: [(String, Double)] = []
        let status = system.fields(of: "/proc/self/status")
        if let resident = status["VmRSS"] {
            values.append(("proc.memory.rssMB", resident / 1024))
            let total = limits.memory ?? (system.fields(of: "/proc/meminfo")["MemTotal"] ?? 0) * 1024
            if total > 0 { values.append(("proc.memory.percent", 100 * resident * 1024 / total)) }
        }
        if let busy = system.shareOfTime { values.append(("cpu", 100 * busy / max(capacity, 0.01))) }
        if let threads = status["Threads"] { values.append(("proc.cpu.threads", threads)) }
        return values
    }
}

/// The limits of this process's own cgroup (version 2), as they are when it starts.
struct CgroupLimits {
    /// In bytes.
    let memory: Double?
    /// How many processors' time it may use.
    let processors: Double?
    private let folder: String?

    init(_ system: SystemFiles) {
        let own = system.lines(of: "/proc/self/cgroup").first { $0.hasPrefix("0::") }?.dropFirst(3)
        let mount = system.mounts.first { $0.type == "cgroup2" }
        folder = own.flatMap { own in
            guard let mount else { return nil }
            let inside =
                mount.root != "/" && own.hasPrefix(mount.root) ? String(own.dropFirst(mount.root.count)) : String(own)
            return mount.point + (inside == "/" ? "" : inside)
        }
        memory = folder.flatMap { Double(system.lines(of: $0 + "/memory.max").first ?? "") }
        let quota = folder.flatMap { folder -> Double? in
            let numbers = (system.lines(of: folder + "/cpu.max").first ?? "").split(separator: " ").map { Double($0) }
            guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], period > 0 else { return nil }
            return quota / period
        }
        let allowed = system.processorsAllowed.flatMap { $0 < system.processors ? Double($0) : nil }
        processors = [quota, allowed].compactMap(\.self).filter { $0 > 0 }.min()
    }

    func memoryInUse(_ system: SystemFiles) -> Double? {
        folder.flatMap { Double(system.lines(of: $0 + "/memory.current").first ?? "") }
    }
}
