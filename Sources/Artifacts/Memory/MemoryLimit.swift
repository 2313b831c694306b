private import Foundation

/// How much memory this process may take, by whatever limits it.
public struct MemoryLimit: Sendable, Equatable {
    /// The limit for everything it covers together.
    public let total: Int
    /// How much of it is free.
    public let free: Int
    /// What limits it, in words: `this machine`.
    public let owner: String
    /// What each thread of a run takes of it besides the run's numbers.
    public let perThread: Int

    /// Describes a limit.
    public init(total: Int, free: Int, owner: String, perThread: Int = 0) {
        (self.total, self.free, self.owner, self.perThread) = (total, min(free, total), owner, perThread)
    }
}

extension MemoryLimit {
    /// All limits that hold for this process: the machine's memory, those of its control groups (version 1 and 2) and of
    /// the groups above, its address space's, and what SLURM has given.
    ///
    /// - Parameters:
    ///   - environment: The process's environment.
    ///   - root: Where `/proc` and `/sys` are.
    /// - Returns: The limits that could be read.
    public static func all(environment: [String: String], root: String = "") -> [MemoryLimit] {
        let files = KernelFiles(root: root)
        return [machine(files)].compactMap(\.self) + files.groups("memory").compactMap { $0.limit(environment) }
            + [slurm(environment), addressSpace()].compactMap(\.self)
    }

    /// The limit that leaves a run on some threads the least in all.
    public static func tightest(
        environment: [String: String], threads: Int = 1, root: String = ""
    ) -> MemoryLimit? {
        all(environment: environment, root: root).min { $0.room(threads: threads) < $1.room(threads: threads) }
    }

    /// The memory it leaves for a run's numbers on some threads; never negative.
    public func room(threads: Int) -> Int { max(0, total - threads * perThread) }

    private static func machine(_ files: KernelFiles) -> MemoryLimit? {
        let lines = files.fields(of: "/proc/meminfo")
        guard let total = lines["MemTotal:"], let free = lines["MemAvailable:"] ?? lines["MemFree:"] else { return nil }
        return MemoryLimit(total: total << 10, free: free << 10, owner: "this machine")
    }

    /// What SLURM has granted; it may enforce it by other means than control groups.
    private static func slurm(_ environment: [String: String]) -> MemoryLimit? {
        guard environment["SLURM_JOB_ID"] != nil else { return nil }
        let cores = ["SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK"].lazy.compactMap {
            environment[$0].flatMap { Int($0) }
        }
        let megabytes =
            environment["SLURM_MEM_PER_NODE"].flatMap { Int($0) }
            ?? environment["SLURM_MEM_PER_CPU"].flatMap { Int($0) }.map { $0 * max(1, cores.first ?? 1) }
        guard let megabytes, megabytes > 0 else { return nil }
        return MemoryLimit(total: megabytes << 20, free: megabytes << 20, owner: "the SLURM job (--mem)")
    }

    /// An address space also holds the program, its threads' stacks and what has been reserved without being used: runs
    /// have what is left next to them.
    ///
    /// Nobody else takes of it, and OpenBLAS's buffers stay where they are for the next run: what is free is what the
    /// other runs leave.
    private static func addressSpace() -> MemoryLimit? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < UInt64(1) << 60 else {
            return nil
        }
        let most = max(0, Int(limit.rlim_cur) - ownThreads - programSize)
        return MemoryLimit(
            total: most, free: most, owner: "what ulimit -v leaves this process", perThread: addressSpacePerThread)
    }

    /// The program's own memory, in bytes: its address space when its limits were first queried, before any run.
    private static let programSize = KernelFiles(root: "").addressSpace

    /// The stacks of threads that belong to no run.
    private static let ownThreads = 48 << 20

    /// What a thread that multiplies takes: its stack, and OpenBLAS's buffer of 128 MiB, which it asks for without end
    /// where it cannot get it.
    private static let addressSpacePerThread = 136 << 20
}

/// How many cores' worth of time this process may take.
public enum CoreLimit {
    /// The least that one of its control groups (version 1 and 2) or a group above allows.
    ///
    /// - Parameter root: Where `/proc` and `/sys` are.
    /// - Returns: The number of cores; nil if none of them sets a limit.
    public static func tightest(root: String = "") -> Double? {
        KernelFiles(root: root).groups("cpu").compactMap(\.cores).min()
    }
}

/// What the kernel reports in files.
private struct KernelFiles {
    let root: String

    func text(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: root + path) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// The size of this process's address space, in bytes.
    var addressSpace: Int {
        let pages = text("/proc/self/statm")?.split(separator: " ").first.flatMap { Int($0) }
        return (pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// The first number of each line, by the line's first word.
    func fields(of path: String) -> [String: Int] {
        var result: [String: Int] = [:]
        for line in (text(path) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            if words.count > 1, let number = Int(words[1]) { result[String(words[0])] = number }
        }
        return result
    }

    /// The control groups that limit something for this process, the innermost first.
    func groups(_ controller: String) -> [ControlGroup] {
        let memberships = (text("/proc/self/cgroup") ?? "").split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        return memberships.flatMap { parts -> [ControlGroup] in
            guard parts.count == 3 else { return [] }
            let isUnified = parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains(Substring(controller)),
                let mount = mount(isUnified ? nil : controller)
            else { return [] }
            // In a container the group's path may begin above what is mounted there.
            var path = String(parts[2])
            if mount.root != "/", path == mount.root || path.hasPrefix(mount.root + "/") {
                path = String(path.dropFirst(mount.root.count))
            }
            var groups: [ControlGroup] = []
            while true {
                groups.append(
                    ControlGroup(files: self, path: mount.point + (path == "/" ? "" : path), isUnified: isUnified))
                guard path.count > 1, let slash = path.lastIndex(of: "/") else { return groups }
                path = String(path[..<slash])
            }
        }
    }

    /// Where version 2 of control groups, or a controller's of version 1, is mounted, and which group is the root of
    /// what is seen there.
    private func mount(_ controller: String?) -> (root: String, point: String)? {
        for line in (text("/proc/self/mountinfo") ?? "").split(separator: "\n") {
            let halves = line.split(separator: " - ")
            let (left, right) = (halves.first?.split(separator: " ") ?? [], halves.last?.split(separator: " ") ?? [])
            guard halves.count == 2, left.count > 4, right.count > 2 else { continue }
            let isWanted =
                controller.map { right[0] == "cgroup" && right[2].split(separator: ",").contains(Substring($0)) }
                ?? (right[0] == "cgroup2")
            if isWanted { return (String(left[3]), String(left[4])) }
        }
        return nil
    }
}

/// A group of processes that the kernel limits together.
private struct ControlGroup {
    let files: KernelFiles
    let path: String
    /// Whether it is one of version 2.
    let isUnified: Bool

    var cores: Double? {
        // "150000 100000": microseconds of all cores together per period; a word or -1 if there is no limit.
        let numbers =
            isUnified
            ? (files.text("\(path)/cpu.max") ?? "").split(whereSeparator: \.isWhitespace).map { Double($0) }
            : ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map { files.number("\(path)/\($0)").map(Double.init) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else {
            return nil
        }
        return quota / period
    }

    func limit(_ environment: [String: String]) -> MemoryLimit? {
        let (most, used, cache) =
            isUnified
            ? ("memory.max", "memory.current", "inactive_file")
            : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        // Version 1 writes a number beyond any machine's memory if there is no limit, version 2 a word.
        guard let total = files.number("\(path)/\(most)"), total < 1 << 60 else { return nil }
        let taken = (files.number("\(path)/\(used)") ?? 0) - (files.fields(of: "\(path)/memory.stat")[cache] ?? 0)
        let isOfSlurm = environment["SLURM_JOB_ID"] != nil && path.contains("/job_")
        return MemoryLimit(
            total: total, free: total - max(0, taken),
            owner: isOfSlurm ? "the SLURM job (--mem)" : "this process's control group")
    }
}
