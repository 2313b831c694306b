import Slurm
import Synchronization
import WandB

/// Writes where an agent's run is to be seen into the comment of its SLURM job (`squeue -o %k`, `scontrol show job`).
///
/// One comment a minute at most: hundreds of short runs must not keep SLURM's controller busy.
final class JobComment: Sendable {
    private let slurm: SlurmCommands
    private let job: SlurmJobID
    private let last = Mutex<ContinuousClock.Instant?>(nil)
    private static let pause = Duration.seconds(60)
    private static let patience = 120

    /// Comments on `job`.
    init(slurm: SlurmCommands, job: SlurmJobID) {
        self.slurm = slurm
        self.job = job
    }

    /// Waits in the background until the server has the run, and writes its address.
    func follow(_ tracker: RunTracker) {
        Task {
            for _ in 0..<Self.patience {
                if let url = tracker.runURL { return await post(url) }
                do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
            }
        }
    }

    private func post(_ url: String) async {
        let isDue = last.withLock { last in
            guard last.map({ .now - $0 >= Self.pause }) ?? true else { return false }
            last = .now
            return true
        }
        guard isDue else { return }
        do throws(SlurmError) {
            try await slurm.setComment(url, of: job)
        } catch {
            AgentLoop.say("the SLURM job's comment stays as it is: \(error)")
        }
    }
}
