import Artifacts
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
        if let limit = limits.memory, let used = limits.memoryInUse {
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
    private let group: ControlGroup?

    init(_ system: SystemFiles) {
        group = system.ownGroup("memory")
        memory = group?.memory.map(Double.init)
        let allowed = system.processorsAllowed.flatMap { $0 < system.processors ? Double($0) : nil }
        processors = [system.ownGroup("cpu")?.cores, allowed].compactMap(\.self).filter { $0 > 0 }.min()
    }

    var memoryInUse: Double? { group?.memoryInUse.map(Double.init) }
}
