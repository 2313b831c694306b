import Foundation

/// The checkout that a job was submitted from: which commit, and what was changed since.
struct GitCheckout: Encodable {
    /// The checkout's folder.
    let folder: String
    let commit: String?
    /// Nil where no branch is checked out.
    let branch: String?
    /// Where it came from, without credentials.
    let remote: String?
    /// Whether tracked files differ from the commit.
    let isDirty: Bool?
    /// Files that git does not track, by name only.
    let untracked: [String]
    /// Why something is missing here.
    let notes: [String]
    /// What differs from the commit, for `git apply`.
    let diff: [UInt8]

    private enum CodingKeys: String, CodingKey {
        case folder, commit, branch, remote, isDirty, untracked, notes
    }

    private enum Limit {
        static let diff = 8 << 20
        static let untracked = 200
    }

    /// Looks at the checkout that holds `folder`; nil if it is in none, or there is no git.
    init?(holding folder: String, environment: [String: String]) {
        guard var git = Git(in: folder, environment: environment) else { return nil }
        let top = git.line(["rev-parse", "--show-toplevel"])
        guard top != nil || !git.notes.isEmpty else { return nil }
        self.folder = top ?? folder
        commit = git.line(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
        let head = git.line(["rev-parse", "--abbrev-ref", "HEAD"])
        branch = head == "HEAD" ? nil : head
        remote = git.line(["remote", "get-url", "origin"]).map(Self.withoutCredentials)

        let states = git.ask(["status", "--porcelain=v1", "-z", "--untracked-files=normal", "--no-renames"])
        let entries = (states ?? []).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        isDirty = states.map { _ in entries.contains { !$0.hasPrefix("??") } }
        let others = entries.filter { $0.hasPrefix("?? ") }.map { String($0.dropFirst(3)) }
        untracked = Array(others.prefix(Limit.untracked))
        if others.count > untracked.count { git.note("\(others.count - untracked.count) more untracked files") }

        diff = commit == nil || isDirty == false ? [] : Self.changes(git: &git, environment: environment)
        notes = git.notes
    }

    private static func changes(git: inout Git, environment: [String: String]) -> [UInt8] {
        // Files that people keep keys in stay where they are.
        let places = [":/", ":(top,exclude,glob)**/.env*", ":(top,exclude,glob)**/.netrc"]
        let changes = git.ask(
            ["diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--"] + places, limit: Limit.diff)
        guard let changes, !Secrets(environment).occur(in: changes) else {
            if changes != nil { git.note("the diff holds a secret of the environment and is not kept") }
            return []
        }
        return changes
    }

    /// `https://me:secret@host/x` as `https://host/x`.
    static func withoutCredentials(_ url: String) -> String {
        guard let scheme = url.range(of: "://") else { return url }
        let rest = url[scheme.upperBound...]
        let host = rest.prefix { $0 != "/" }
        guard let at = host.lastIndex(of: "@") else { return url }
        return String(url[..<scheme.upperBound]) + rest[rest.index(after: at)...]
    }
}

/// Questions to git, which changes nothing, asks nothing and runs no program that the repository names.
private struct Git {
    private(set) var notes: [String] = []
    private let command: [String]
    private let environment: [String: String]
    /// For all questions together: a submission does not wait for a checkout on a slow disk.
    private let end = ContinuousClock.now + .seconds(4)

    init?(in folder: String, environment: [String: String]) {
        guard let program = Program.find("git", environment: environment) else { return nil }
        command = [program, "-C", folder, "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]
        self.environment = environment.filter { !$0.key.hasPrefix("GIT_") }
            .merging(["GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"]) { $1 }
    }

    mutating func note(_ note: String) { notes.append(note) }

    /// The answer, if there is one in time.
    mutating func ask(_ arguments: [String], limit: Int = 1 << 20) -> [UInt8]? {
        let child = ChildProcess(command: command + arguments, environment: environment, outputLimit: limit)
        do throws(ChildProcess.Trouble) {
            let answer = try child.run(patience: max(.zero, end - .now))
            return answer.code == 0 ? answer.output : nil
        } catch {
            note("git \(arguments[0]) \(error)")
            return nil
        }
    }

    /// The first line of the answer.
    mutating func line(_ arguments: [String]) -> String? {
        ask(arguments).flatMap {
            String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init)
        }
    }
}
