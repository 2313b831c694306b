import Artifacts
public import Glibc

/// What can be learned about a local process from its id.
public enum ProcessCheck {
    /// Whether a process of this machine still runs; one that has ended but whose parent hasn't looked counts as gone.
    public static func isRunning(_ pid: pid_t) -> Bool {
        // Some sites hide other users' processes (`hidepid`): a signal still finds them.
        KernelFiles().process(pid).map { !$0.isOver } ?? (pid > 0 && (kill(pid, 0) == 0 || errno == EPERM))
    }

    /// Whether a process of this machine runs and is an agent, as far as can be seen: numbers of processes are used again,
    /// after a reboot within minutes.
    public static func isAgent(_ pid: pid_t) -> Bool {
        guard isRunning(pid) else { return false }
        let isHidden = KernelFiles().process(pid) == nil
        return isHidden || commandLine(of: pid).contains { $0 == "--job-id" || $0.hasPrefix("--job-id=") }
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
