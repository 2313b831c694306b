import Foundation

/// The checkout that a job was submitted from: which commit, and what was changed since.
package struct GitCheckout: Encodable {
    /// The checkout's folder.
    package let folder: String
    package let commit: String?
    /// Nil if no branch is checked out.
    package let branch: String?
    /// Where it came from, without credentials.
    package let remote: String?
    /// Whether tracked files differ from the commit.
    package let isDirty: Bool?
    /// Files that git does not track, by name only.
    package let untracked: [String]
    /// Why something is missing here.
    package let notes: [String]
    /// The notes that a user does not expect.
    package let warnings: [String]
    /// What differs from the commit, for `git apply`.
    package let diff: [UInt8]

    private enum CodingKeys: String, CodingKey {
        case folder, commit, branch, remote, isDirty, untracked, notes
    }

    private static let mostUntracked = 200

    /// Looks at the checkout that holds `folder`; nil if it is in none, or there is no git.
    package init?(holding folder: String, secrets: Secrets, environment: [String: String]) {
        guard var git = Git(in: folder, environment: environment) else { return nil }
        let top = git.topFolder()
        guard top != nil || !git.notes.isEmpty else { return nil }
        self.folder = top ?? folder
        if let top { git = git.at(top) }
        let head = git.line(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
        commit = head
        let name = git.line(["rev-parse", "--abbrev-ref", "HEAD"])
        branch = name == "HEAD" ? nil : name.map(secrets.redacted)
        remote = git.line(["remote", "get-url", "origin"]).map { secrets.redacted(Self.withoutCredentials($0)) }

        guard top != nil, let raw = RawCheckout(git, commit: head) else {
            (isDirty, untracked, diff, notes, warnings) = (nil, [], [], git.notes, git.notes)
            return
        }
        let states = raw.states()
        let others = (states ?? []).filter { $0.hasPrefix("?? ") }.map { secrets.redacted(String($0.dropFirst(3))) }
        untracked = Array(others.prefix(Self.mostUntracked))
        let more = others.count - untracked.count
        let changes = raw.changes(without: secrets)
        diff = changes
        isDirty = states.map { states in !changes.isEmpty || states.contains { !$0.hasPrefix("??") } }
        warnings = (git.notes + raw.notes).map(secrets.redacted)
        notes = warnings + (more > 0 ? ["\(more) more untracked files"] : [])
    }

    /// `https://me:secret@host/x` as `https://host/x`.
    package static func withoutCredentials(_ url: String) -> String {
        guard let scheme = url.range(of: "://") else { return url }
        let rest = url[scheme.upperBound...]
        let host = rest.prefix { $0 != "/" }
        guard let at = host.lastIndex(of: "@") else { return url }
        return String(url[..<scheme.upperBound]) + rest[rest.index(after: at)...]
    }
}

extension Git {
    /// The folder of the checkout that holds this one; a note says why git refuses to look at one that is there.
    fileprivate mutating func topFolder() -> String? {
        if let top = line(["rev-parse", "--show-toplevel"]) { return top }
        var folder = URL(filePath: folder)
        while notes.isEmpty, folder.path != "/" {
            if FileManager.default.fileExists(atPath: folder.appending(path: ".git").path) {
                _ = ask(["rev-parse", "--show-toplevel"], isNoted: true)
                return nil
            }
            folder.deleteLastPathComponent()
        }
        return nil
    }
}
