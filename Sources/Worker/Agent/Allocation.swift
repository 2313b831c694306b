import Slurm
import Store

/// The time that SLURM has given this agent.
struct Allocation: Sendable {
    /// SLURM's number for it.
    let job: SlurmJobID
    /// Its name for `scontrol requeue`: `812`, or `812_3` for an array's task.
    let name: String
    /// When it ends by this machine's clock, for others to see; `nil` without a limit.
    let end: Timestamp?
    /// When it ends by the steady clock.
    private let deadline: ContinuousClock.Instant?
    /// How long before the end SLURM was asked to send its signal.
    private let warning: Duration
    /// Less time than this is useless to a spec: it takes that long to reach a checkpoint worth the start.
    private let useful: Duration

    /// The allocation that this process runs in, `nil` outside SLURM.
    ///
    /// - Parameters:
    ///   - environment: The process's environment.
    ///   - slurm: Asked for the time that is left, once, if the environment doesn't say.
    ///   - checkpointInterval: How often to save a run's state.
    init?(
        environment: [String: String], slurm: SlurmCommands, checkpointInterval: Duration
    ) async {
        let place = SlurmPlace(environment: environment)
        guard let number = place.job else { return nil }
        job = SlurmJobID(rawValue: number)
        if let array = place.arrayJob, let task = place.arrayTask {
            name = "\(array)_\(task)"
        } else {
            name = "\(number)"
        }
        let left = await Self.timeLeft(of: job, environment, slurm)
        end = left.map { Timestamp.now() + $0 }
        deadline = left.map { ContinuousClock.now + $0 }
        warning = SlurmTime.warning(before: left)
        let share = left.map { $0 / 10 } ?? .zero
        useful = min(checkpointInterval, max(.seconds(15), share))
    }

    /// Whether a spec that is begun now comes to its next checkpoint before the signal.
    var hasTimeForAnother: Bool {
        guard let deadline else { return true }
        return deadline - .now - warning >= useful
    }

    private static func timeLeft(
        of job: SlurmJobID, _ environment: [String: String], _ slurm: SlurmCommands
    ) async -> Duration? {
        if let text = environment["SLURM_JOB_END_TIME"], let seconds = Double(text) {
            return Timestamp(rawValue: seconds) - .now()
        }
        // Older versions of SLURM don't say; without an answer the signal has to do.
        do { return try await slurm.timeLeft(of: job) } catch { return nil }
    }
}
