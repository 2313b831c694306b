import Glibc

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
        return [machine(files)].compactMap(\.self) + files.groups("memory").compactMap { limit(of: $0, environment) }
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
        guard let total = lines["MemTotal"], let free = lines["MemAvailable"] ?? lines["MemFree"] else { return nil }
        return MemoryLimit(total: total << 10, free: free << 10, owner: "this machine")
    }

    private static func limit(of group: ControlGroup, _ environment: [String: String]) -> MemoryLimit? {
        guard let total = group.memory else { return nil }
        let taken = (group.memoryInUse ?? 0) - group.reclaimableMemory
        let isOfSlurm = environment["SLURM_JOB_ID"] != nil && group.path.contains("/job_")
        return MemoryLimit(
            total: total, free: total - max(0, taken),
            owner: isOfSlurm ? "the SLURM job (--mem)" : "this process's control group")
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
