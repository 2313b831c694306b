import Glibc
import Store

/// Divides the process's use of the machine among an agent's claims.
struct UsageMeter {
    let cores: Int
    let slots: Int
    private var shared = 0.0

    /// A meter for a process with this many cores, which train this many runs at once.
    init(cores: Int, slots: Int) {
        (self.cores, self.slots) = (cores, slots)
        shared = total.cpuSeconds
    }

    /// What the process has taken so far.
    var total: Usage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return Usage(
            cores: cores, cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            peakMemory: Int(usage.ru_maxrss) << 10)
    }

    /// What each of this many claims has taken since the last call.
    mutating func share(among claims: Int) -> UsageShare {
        let total = total
        defer { shared = total.cpuSeconds }
        return UsageShare(
            cores: Double(cores) / Double(max(1, slots)),
            cpuSeconds: max(0, total.cpuSeconds - shared) / Double(max(1, claims)), peakMemory: total.peakMemory)
    }
}
