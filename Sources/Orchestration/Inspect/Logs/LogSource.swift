import Artifacts
import Foundation
package import Store

/// Whose log it is, and where it lies.
package enum LogSource {
    case run(Run)
    case agent(Agent, Job)
    /// All agents of a job, present and to come.
    case job(Job)

    package init(_ reference: Reference, as text: String, in store: Store) throws {
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
            self = .job(try store.job(id))
        }
    }

    package var title: String {
        switch self {
        case .run(let run): "run \(run.id)"
        case .agent(let agent, let job): "agent \(job.id).\(agent.number)"
        case .job(let job): "job \(job.id)"
        }
    }

    /// The logs by the names of those who write them.
    package func files(in store: Store) throws -> [(name: String, path: String)] {
        switch self {
        case .run(let run): [(run.id.rawValue, run.folder.log)]
        case .agent(let agent, let job):
            [("\(job.id).\(agent.number)", job.folder.log(of: agent, startedBy: job.executor))]
        case .job(let job):
            try store.agents(of: job.id).map {
                ("\(job.id).\($0.number)", job.folder.log(of: $0, startedBy: job.executor))
            }
        }
    }

    package func isOver(in store: Store) throws -> Bool {
        switch self {
        case .run(let run): return try store.run(run.id).status.isSettled
        case .agent(let agent, let job):
            let now = try store.agents(of: job.id).first { $0.id == agent.id }
            return now.map { $0.state == .ended || $0.isGone(in: job) } ?? true
        case .job(let job): return try store.openWork(of: job.id).isNone
        }
    }
}

/// A file that others append to, read from where the last reading ended.
package struct GrowingFile {
    package let path: String
    private var offset: UInt64 = 0

    package init(path: String) { self.path = path }

    /// Prints what is new.
    ///
    /// - Returns: Whether there is such a file.
    package mutating func printNew() throws(Failure) -> Bool {
        guard !FolderListing.isMissing(path) else { return false }
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
