import ArgumentParser
import Slurm
import Store

/// Who is to start the agents, as users choose.
enum ExecutorOption: String, ExpressibleByArgument, CaseIterable {
    case auto, local, slurm
}

/// Who starts the agents, and why.
struct Executor {
    let kind: ExecutorKind
    let reason: String

    /// Chooses: `auto` is SLURM wherever its controller answers.
    static func choose(_ option: ExecutorOption, slurm: SlurmCommands) async throws(Failure) -> Executor {
        switch option {
        case .local:
            return Executor(kind: .local, reason: "as asked")
        case .slurm:
            do throws(SlurmError) {
                guard slurm.isInstalled else { throw .notInstalled(command: "sbatch") }
                try await slurm.ping()
            } catch {
                throw .failed("\(error)")
            }
            return Executor(kind: .slurm, reason: "as asked")
        case .auto:
            guard slurm.isInstalled else {
                return Executor(kind: .local, reason: "there is no sbatch on PATH")
            }
            do throws(SlurmError) {
                try await slurm.ping()
            } catch {
                return Executor(kind: .local, reason: "SLURM's controller does not answer")
            }
            return Executor(kind: .slurm, reason: "its controller answers")
        }
    }
}
