import Foundation

/// Questions to git, which changes nothing, asks nothing and runs no program that the repository names.
package struct Git {
    /// The folder it looks at.
    package private(set) var folder: String
    /// What could not be found out, for the user.
    package private(set) var notes: [String] = []
    private let program: String
    private var environment: [String: String]
    /// For all questions together: a submission does not wait for a checkout on a slow disk.
    private let end = ContinuousClock.now + .seconds(5)

    package init?(in folder: String, environment: [String: String]) {
        guard let program = Program.find("git", environment: environment) else { return nil }
        self.folder = folder
        self.program = program
        self.environment = environment.filter { !$0.key.hasPrefix("GIT_") }
            .merging(["GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"]) { $1 }
    }

    package mutating func note(_ note: String) { notes.append(note) }

    /// The answer, if there is one in time.
    ///
    /// - Parameters:
    ///   - arguments: What is asked.
    ///   - variables: Further variables of the environment.
    ///   - limit: How many bytes are taken at most.
    ///   - isNoted: Whether a refusal is recorded with git's words; else it is an answer too.
    /// - Returns: What git said.
    package mutating func ask(
        _ arguments: [String], variables: [String: String] = [:], limit: Int = 1 << 20, isNoted: Bool = false
    ) -> [UInt8]? {
        let child = ChildProcess(
            command: [program, "-C", folder, "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"] + arguments,
            environment: environment.merging(variables) { $1 }, outputLimit: limit)
        do throws(ChildProcess.Trouble) {
            let answer = try child.run(patience: max(.zero, end - .now))
            if answer.code == 0 { return answer.output }
            if isNoted {
                let lines = answer.error.split(whereSeparator: \.isNewline)
                let reason = lines.first { $0.hasPrefix("fatal: ") } ?? lines.last
                note("git \(arguments[0]) failed: \(reason ?? "it gave no reason")")
            }
        } catch {
            note("git \(arguments[0]) \(error)")
        }
        return nil
    }

    /// The lines of the answer.
    package mutating func lines(_ arguments: [String]) -> [String] {
        ask(arguments).map {
            String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
        } ?? []
    }

    /// The first line of the answer.
    package mutating func line(_ arguments: [String]) -> String? { lines(arguments).first }

    /// The same git at another folder, without the notes.
    package func at(_ folder: String) -> Git {
        var git = self
        git.folder = folder
        git.notes = []
        return git
    }
}
