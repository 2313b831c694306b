package import Slurm
package import Store

/// Where agents run, as users choose.
package enum ExecutorOption: String, CaseIterable {
    case auto, local, slurm
}

/// Who starts the agents, and why.
package struct Executor {
    package let kind: ExecutorKind
    package let reason: String

    /// Chooses: `auto` is SLURM wherever SLURM is set up, so no sweep ends up on a login node by accident.
    ///
    /// - Parameters:
    ///   - option: What the user asks for.
    ///   - slurm: SLURM's commands.
    ///   - isSlurmExpected: Whether the site file or the environment speaks of SLURM.
    ///   - patience: How long to wait for a controller that does not answer, for example while it restarts.
    /// - Returns: The choice.
    /// - Throws: Why SLURM can't be had.
    package static func choose(
        _ option: ExecutorOption, slurm: SlurmCommands, isSlurmExpected: Bool = false, patience: Duration = .seconds(10)
    ) async throws(Failure) -> Executor {
        switch option {
        case .local:
            return Executor(kind: .local, reason: "as asked")
        case .slurm:
            do throws(SlurmError) {
                guard slurm.isInstalled else { throw .notInstalled(command: "sbatch") }
                try await waitForController(slurm, patience)
            } catch {
                try Interruption.check()
                throw .failed("\(error)")
            }
            return Executor(kind: .slurm, reason: "as asked")
        case .auto:
            guard slurm.isInstalled else {
                return Executor(kind: .local, reason: "there is no sbatch on PATH")
            }
            do throws(SlurmError) {
                try await waitForController(slurm, patience)
            } catch {
                try Interruption.check()
                if case .notConfigured = error, !isSlurmExpected {
                    return Executor(kind: .local, reason: "sbatch is there, but no SLURM is configured")
                }
                throw .failed("\(error)")
            }
            return Executor(kind: .slurm, reason: "its controller answers")
        }
    }

    private static func waitForController(_ slurm: SlurmCommands, _ patience: Duration) async throws(SlurmError) {
        let end = ContinuousClock.now + patience
        var hasSaid = false
        while true {
            do throws(SlurmError) {
                return try await slurm.ping()
            } catch {
                guard case .unreachable = error, .now < end, !Interruption.isRequested else { throw error }
                if !hasSaid { printError("SLURM's controller does not answer; waiting a moment") }
                hasSaid = true
                // A cancelled sleep only asks once more, too early.
                try? await Task.sleep(for: min(.seconds(2), patience / 4))
            }
        }
    }
}
