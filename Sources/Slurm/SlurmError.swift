/// Why SLURM gave no result.
public enum SlurmError: Error, Equatable {
    /// The command is not on `PATH`.
    case notInstalled(command: String)
    /// The command says that it knows of no controller.
    case notConfigured(command: String, message: String)
    /// The command says that it can't reach the controller.
    case unreachable(command: String, message: String)
    /// The command says no.
    case refused(command: String, message: String)
    /// Somebody else has killed the command.
    case killed(command: String, signal: Int32)
    /// The command did not end in time and was stopped.
    case timedOut(command: String, after: Duration)
    /// The command's output was unexpected.
    case unreadable(command: String, output: String)
    /// `sbatch` failed in a way that leaves open whether SLURM took the job, and `squeue` can't tell either; or it does
    /// not show the job yet, which may come.
    case uncertain(name: String, cause: String, mayCome: Bool)
}

extension SlurmError {
    /// Whether SLURM has refused this many tasks at once, so fewer may be taken.
    public var isLimit: Bool {
        guard case .refused(_, let message) = self else { return false }
        let words = [
            "invalid job array specification", "submit limit", "maxsubmit", "temporarily unable to accept job",
        ]
        return words.contains { message.lowercased().contains($0) }
    }

    /// Whether the controller may have got the request though its answer did not come.
    var isWithoutAnswer: Bool {
        switch self {
        // A command that has ended well has done its work, whatever it printed.
        case .timedOut, .killed, .unreadable: true
        // Of all failures, only a connection that was never made is sure not to have delivered the request.
        case .refused(_, let message), .unreachable(_, let message):
            [
                "timed out", "zero bytes were transmitted", "connection reset", "broken pipe", "receive failure",
                "send failure", "shutdown failure", "unexpected message", "message length", "header lengths",
                "transport endpoint",
            ].contains { message.lowercased().contains($0) }
        default: false
        }
    }

    /// Whether SLURM says that it keeps no accounts.
    var isWithoutAccounts: Bool {
        switch self {
        case .notInstalled: true
        case .refused(_, let message): message.lowercased().contains("accounting storage is disabled")
        default: false
        }
    }
}

extension SlurmError: CustomStringConvertible {
    /// What happened, without advice.
    var reason: String {
        description.firstRange(of: "; try again").map { String(description[..<$0.lowerBound]) } ?? description
    }

    /// One readable line: what happened, to what, what to do.
    public var description: String {
        switch self {
        case .notInstalled(let command):
            "\(command) is not on PATH: load your site's SLURM module, or use --executor local"
        case .notConfigured(let command, let message):
            "\(command) does not know where SLURM's controller is: \(message); set SLURM_CONF, or use --executor local"
        case .unreachable(let command, let message):
            "\(command) can't reach SLURM's controller: \(message); try again later, or use --executor local"
        case .refused(let command, let message):
            "\(command) failed: \(message)"
        case .killed(let command, let signal):
            "\(command) was killed by signal \(signal)"
        case .timedOut(let command, let duration):
            "\(command) gave no answer for \(duration.components.seconds) s; try again later"
        case .unreadable(let command, ""):
            "\(command) printed nothing, which is no answer; try again later"
        case .unreadable(let command, let output):
            "\(command) printed something unexpected: \(output)"
        case .uncertain(let name, let cause, _):
            "SLURM may or may not have taken the job (\(cause)): "
                + "`squeue -n \(name)` shows it once the controller answers"
        }
    }
}
