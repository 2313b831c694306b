import ArgumentParser
import Glibc
import Jobs
import Orchestration
import Slurm
import Store

/// Calls jobs or runs off.
struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel jobs or single runs; agents at work on them stop within seconds.",
        discussion: """
            EXAMPLES
              orchestrator cancel 7             everything of job 7 that is not done
              orchestrator cancel k3j9 x0qa     two runs; the beginnings of their names are enough

            What is done stays. `orchestrator retry` puts cancelled runs back; they go on from where they were.
            """)

    @Argument(
        help: ArgumentHelp("Job numbers, names of runs or their beginnings.", valueName: "job-or-run"),
        completion: CompletionWords.jobsAndRuns)
    var names: [String]

    func run() async throws {
        // Not mended first: agents that were never submitted need not be.
        let state = try OpenStore(for: .changing)
        let slurm = SlurmCommands(environment: state.environment)
        try await failing {
            // Everything is looked up before anything is changed.
            let targets = try names.map { try Target(Reference($0), as: $0, in: state.store) }
            var touched: [JobID] = []
            for target in targets {
                let (job, line) = try target.cancel(in: state.store)
                print(line)
                if !touched.contains(job) { touched.append(job) }
            }
            for id in touched where try state.store.openWork(of: id).isNone {
                let job = try state.store.job(id)
                for line in try await AgentsEnd(job: job, store: state.store, slurm: slurm).perform() { print(line) }
                let end = JobEnd(store: state.store, job: job, slurm: slurm, environment: state.environment)
                for line in try await end.perform(callsOffWaiting: false) { print(line) }
            }
        }
    }

    private enum Target {
        case job(JobID)
        case run(Run)

        init(_ reference: Reference, as text: String, in store: Store) throws {
            switch reference {
            case .job(let id): self = .job(try store.job(id).id)
            case .run(let prefix): self = .run(try store.run(store.run(startingWith: prefix)))
            case .agent:
                throw Failure.badInput("'\(text)' is an agent; what can be cancelled are jobs and runs")
            }
        }

        func cancel(in store: Store) throws -> (JobID, String) {
            switch self {
            case .job(let id):
                let count = try store.cancel(id)
                return (id, "Job \(id): " + (count == 0 ? "nothing was left" : plural(count, "run") + " cancelled"))
            case .run(let run):
                let was = try store.cancel(run.id)
                return (run.job, "Run \(run.id): " + (was ? "cancelled" : "is \(run.status.rawValue) already"))
            }
        }
    }
}
