import ArgumentParser
import Glibc
import JSON
import Jobs
import Orchestration
import Slurm
import Store

/// Calls jobs or runs off.
struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs or single runs; agents working on them stop within seconds.",
        discussion: """
            EXAMPLES
              orchestrator cancel 7             all runs of job 7 that are not done
              orchestrator cancel k3j9 x0qa     two runs; the beginnings of their names are enough
              orchestrator cancel 7 --json

            Finished runs stay. `orchestrator retry` requeues cancelled runs; they resume where they were.
            """)

    @OptionGroup var named: NamedArguments

    private struct Report: Encodable {
        struct Item: Encodable {
            let job: Int64
            var run: String?
            /// How many runs were cancelled.
            let cancelled: Int
        }

        var cancelled: [Item] = []
        var notes: [String] = []
        /// Why agents are still in SLURM's queue.
        var problems: [String] = []
    }

    func run() async throws {
        // Not repaired first: agents that were never submitted need no repair.
        let state = try OpenStore(for: .changing)
        let slurm = SlurmCommands(environment: state.environment)
        let problems = try await failing {
            // Everything is looked up before anything is changed.
            let targets = try named.names.map { try Target(Reference($0), as: $0, in: state.store) }
            var touched: [JobID] = []
            var report = Report()
            for target in targets {
                let (item, line) = try target.cancel(in: state.store)
                report.cancelled.append(item)
                if !named.json { print(line) }
                if !touched.contains(JobID(rawValue: item.job)) { touched.append(JobID(rawValue: item.job)) }
            }
            for id in touched where try state.store.openWork(of: id).isNone {
                let job = try state.store.job(id)
                let (notes, problem) = try await AgentsEnd(job: job, store: state.store, slurm: slurm).perform()
                report.notes += notes
                report.problems += [problem].compactMap(\.self)
                let end = JobEnd(store: state.store, job: job, slurm: slurm, environment: state.environment)
                report.notes += try await end.perform(callsOffWaiting: false)
            }
            print(
                named.json ? try JSONText.encode(report) : report.notes.map { $0 + "\n" }.joined(), terminator: "")
            return report.problems
        }
        problems.forEach(printError)
        if !problems.isEmpty { throw ExitCode(Failure.failed) }
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

        func cancel(in store: Store) throws -> (Report.Item, String) {
            switch self {
            case .job(let id):
                let count = try store.cancel(id)
                return (
                    .init(job: id.rawValue, cancelled: count),
                    "Job \(id): " + (count == 0 ? "nothing was left" : plural(count, "run") + " cancelled")
                )
            case .run(let run):
                let was = try store.cancel(run.id)
                return (
                    .init(job: run.job.rawValue, run: run.id.rawValue, cancelled: was ? 1 : 0),
                    "Run \(run.id): " + (was ? "cancelled" : "is \(run.status.rawValue) already")
                )
            }
        }
    }
}
