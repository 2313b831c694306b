import ArgumentParser
import Artifacts
import Foundation
import Store

/// Prints what a run or an agent has said.
struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what a run or an agent has said.",
        discussion: """
            EXAMPLES
              orchestrator logs k3j9         the run whose name begins with k3j9
              orchestrator logs k3j9 -f      and what comes, until the run is settled
              orchestrator logs 7.2          agent 2 of job 7: all of its runs, and what went wrong between them
            """)

    @Argument(
        help: ArgumentHelp("A run's name or its beginning, or JOB.AGENT.", valueName: "run-or-agent"),
        completion: CompletionWords.runs)
    var name: String

    @Flag(name: .shortAndLong, help: "Go on printing until the run or agent is finished.")
    var follow = false

    func run() async throws {
        Interruption.listen()
        let state = try await State.open(for: .looking)
        if follow { try await waitForAgent(in: state.store) }
        let source = try await failing { try LogSource(Reference(name), as: name, in: state.store) }
        var log = GrowingFile(path: source.file)
        if !follow {
            guard try log.printNew() else {
                throw Failure.failed("\(source.title) has said nothing yet: \(source.file) is missing")
            }
            return
        }
        while true {
            // What was said before the end must be seen, so the end is looked for first.
            let isOver = try await failing { try source.isOver(in: state.store) }
            _ = try log.printNew()
            if isOver { return }
            if Interruption.isRequested { throw ExitCode(130) }
            try await Task.sleep(for: .milliseconds(200))
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

/// Whose log it is, and where it lies.
private enum LogSource {
    case run(Run)
    case agent(Agent, Job)

    init(_ reference: Reference, as text: String, in store: Store) throws {
        switch reference {
        case .run(let prefix):
            self = .run(try store.run(store.run(startingWith: prefix)))
        case .agent(let id, let number):
            let job = try store.job(id)
            let agents = try store.agents(of: id)
            guard let agent = agents.first(where: { $0.number == number }) else {
                let known = agents.map { "\(id).\($0.number)" }.joined(separator: ", ")
                throw Failure.badInput(
                    known.isEmpty
                        ? "no agent of job \(id) has started yet" : "there is no agent \(text); job \(id) has \(known)")
            }
            self = .agent(agent, job)
        case .job(let id):
            throw Failure.badInput("'\(text)' is a job; `orchestrator logs \(id).1` prints its first agent's log")
        }
    }

    var title: String {
        switch self {
        case .run(let run): "run \(run.id)"
        case .agent(let agent, let job): "agent \(job.id).\(agent.number)"
        }
    }

    var file: String {
        switch self {
        case .run(let run): run.folder.log
        case .agent(let agent, let job): job.folder.log(of: agent, startedBy: job.executor)
        }
    }

    func isOver(in store: Store) throws -> Bool {
        switch self {
        case .run(let run): return try store.run(run.id).status.isSettled
        case .agent(let agent, let job):
            let now = try store.agents(of: job.id).first { $0.id == agent.id }
            return now.map { $0.state == .ended || $0.isGone(in: job) } ?? true
        }
    }
}

/// A file that others append to, read from where the last reading ended.
private struct GrowingFile {
    let path: String
    private var offset: UInt64 = 0

    init(path: String) { self.path = path }

    /// Prints what is new.
    ///
    /// - Returns: Whether there is such a file.
    mutating func printNew() throws(Failure) -> Bool {
        guard !Files.isMissing(path) else { return false }
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            // A file that was cut short is read again.
            if try file.seekToEnd() < offset { offset = 0 }
            try file.seek(toOffset: offset)
            while let part = try file.read(upToCount: 1 << 16), !part.isEmpty {
                try FileHandle.standardOutput.write(contentsOf: part)
                offset += UInt64(part.count)
            }
        } catch {
            throw .failed("cannot print \(path): \(error.localizedDescription)")
        }
        return true
    }
}
