import ArgumentParser
import Artifacts
import Foundation
import Orchestration
import Store

/// Prints what a run or an agent has said.
struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print the log of a run, an agent, or all agents of a job.",
        discussion: """
            EXAMPLES
              orchestrator logs k3j9         the run whose name begins with k3j9
              orchestrator logs k3j9 -f      and follow it until the run ends
              orchestrator logs 7.2          agent 2 of job 7: all its runs, and problems between them
              orchestrator logs 7 -n 50      all agents of job 7, each line with its agent's name: the last 50
              orchestrator logs 7 -f --grep 'failed|waits'
            """)

    @Argument(
        help: ArgumentHelp("A run's name or its beginning, JOB.AGENT, or a job's number.", valueName: "name"),
        completion: CompletionWords.jobsAndRuns)
    var name: String

    @Option(
        name: [.customShort("n"), .customLong("lines")], help: ArgumentHelp("Only the last n lines.", valueName: "n"))
    var count: Int?

    @Option(help: ArgumentHelp("Only lines that match this regular expression.", valueName: "pattern"))
    var grep: String?

    @Flag(name: .shortAndLong, help: "Keep printing until the run or agent is finished.")
    var follow = false

    func validate() throws {
        if let count, count < 1 { throw ValidationError("-n is \(count); it takes 1 or more") }
    }

    func run() async throws {
        Interruption.listen()
        let filter = try LogFilter(matching: grep, last: count)
        let state = try await OpenStore.open(for: .looking)
        if follow { try await waitForAgent(in: state.store) }
        let source = try await failing { try LogSource(Reference(name), as: name, in: state.store) }
        var files = try await failing { try source.files(in: state.store) }
        if case .job = source {
            return try await show(source, MergedLog(files, isNamed: true, filter), state.store)
        }
        guard filter.isNone, let file = files.popLast() else {
            return try await show(source, MergedLog(files, isNamed: false, filter), state.store)
        }
        var log = GrowingFile(path: file.path)
        if !follow {
            guard try log.printNew() else {
                throw try silence(of: source, "\(file.path) is missing", state.store)
            }
            return
        }
        while true {
            // Output before the end must be seen, so the end is checked first.
            let isOver = try await failing { try source.isOver(in: state.store) }
            _ = try log.printNew()
            if isOver { return }
            if Interruption.isRequested { throw ExitCode(130) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// What to say if there is no log: a finished run or agent will not write any.
    private func silence(of source: LogSource, _ what: String, _ store: Store) throws -> Failure {
        let isOver = try source.isOver(in: store)
        return .failed(
            isOver
                ? "\(source.title) is over, and \(what): it has said nothing, or its log was deleted"
                : "\(source.title) has said nothing yet: \(what)")
    }

    /// Prints chosen lines, of several logs each behind its agent's name.
    private func show(_ source: LogSource, _ merged: MergedLog, _ store: Store) async throws {
        var merged = merged
        // The rest is reported: an agent that is about to start has no log yet.
        if !follow, !merged.isThere {
            throw try silence(of: source, merged.missing, store)
        }
        var isFirst = true
        while true {
            let isOver = try await failing { try source.isOver(in: store) }
            for line in try merged.next(isFirst: isFirst) { print(line) }
            if !follow || isOver { return }
            isFirst = false
            try StandardStreams.flush()
            if Interruption.isRequested { throw ExitCode(130) }
            try await Task.sleep(for: .milliseconds(500))
            try await failing { merged.add(try source.files(in: store)) }
        }
    }

    /// Waits for an agent that was asked for and still stands in SLURM's queue.
    private func waitForAgent(in store: Store) async throws {
        guard case .agent(let id, let number) = Reference(name) else { return }
        var hasSaid = false
        while try await failing({ try Self.isExpected(number, of: id, in: store) }) {
            if Interruption.isRequested { throw ExitCode(130) }
            if !hasSaid { StandardStreams.writeError("\(name) has not started yet; waits for it\n") }
            hasSaid = true
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Whether an agent has not started, but may.
    private static func isExpected(_ number: Int, of id: JobID, in store: Store) throws(StoreError) -> Bool {
        let job = try store.job(id)
        guard number <= job.agentCount, try !store.openWork(of: id).isNone else { return false }
        return try !store.agents(of: id).contains { $0.number == number }
    }
}
