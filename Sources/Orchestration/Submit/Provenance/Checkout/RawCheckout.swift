import Foundation

/// A checkout as its bytes are on the disk, compared with a commit.
///
/// It asks a git that sees the user's index and objects through its own folder, and with it neither the user's nor
/// the repository's settings and attributes. So no filter, conversion of line ends, colour, prefix, rename detection or
/// program of theirs changes the answers, and `git apply` makes the same bytes of them anywhere.
package final class RawCheckout {
    private var git: Git
    private let base: String
    private let place: String
    private var variables: [String: String]
    /// Paths of submodules.
    private var submodules: [String] = []
    private var submodulesNotes: [String] = []

    /// Why something is missing.
    package var notes: [String] { git.notes + submodulesNotes }

    private enum Limit {
        static let index = 64 << 20
        static let diff = 8 << 20
        static let file = 4 << 20
        static let hiddenFiles = 1000
    }

    /// Looks at the checkout whose folder is `git`'s; nil if it has no index, or there is no room for a folder.
    ///
    /// - Parameters:
    ///   - git: Asks questions at the checkout's folder.
    ///   - commit: What to compare with; nil compares with an empty folder.
    package init?(_ git: Git, commit: String?) {
        var git = git.at(git.folder)
        let names = ["index", "objects", "info/exclude"]
        let paths = git.lines(["rev-parse"] + names.flatMap { ["--git-path", $0] })
            .map { $0.hasPrefix("/") ? $0 : git.folder + "/" + $0 }
        guard paths.count == names.count, FileManager.default.fileExists(atPath: paths[0]),
            let base = commit ?? git.line(["hash-object", "-t", "tree", "--stdin"])
        else { return nil }
        place = NSTemporaryDirectory() + "spd-git-" + UUID().uuidString
        self.base = base
        variables = [
            "GIT_DIR": place, "GIT_WORK_TREE": git.folder, "GIT_INDEX_FILE": paths[0], "GIT_OBJECT_DIRECTORY": paths[1],
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1", "HOME": place,
            "XDG_CONFIG_HOME": place,
        ]
        let settings = Self.settings(&git, hash: base)
        self.git = git
        do { try makePlace(settings, head: commit, exclude: paths[2], index: paths[0]) } catch {
            return nil
        }
        readIndex(paths[0])
    }

    deinit { try? FileManager.default.removeItem(atPath: place) }

    /// Settings that depend on the disk, not on taste; and whether hashes are long.
    private static func settings(_ git: inout Git, hash: String) -> String {
        let isLong = hash.count == 64
        var text = "[core]\n\trepositoryformatversion = \(isLong ? 1 : 0)\n\tbare = false\n"
        for line in git.lines(["config", "--get-regexp", #"^core\.(filemode|symlinks|excludesfile)$"#]) {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            let name = parts[0].split(separator: ".")[1]
            let value = (parts[1] as NSString).expandingTildeInPath
            text += "\t\(name) = \"\(value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"\n"
        }
        return text + (isLong ? "[extensions]\n\tobjectFormat = sha256\n" : "")
    }

    private func makePlace(_ settings: String, head: String?, exclude: String, index: String) throws {
        let files = FileManager.default
        for folder in ["", "/refs", "/objects", "/info"] {
            try files.createDirectory(
                atPath: place + folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        }
        let texts = [
            "config": settings, "HEAD": head ?? "ref: refs/heads/none",
            "info/attributes": "* !diff -text -ident -filter -working-tree-encoding",
        ]
        for (name, text) in texts {
            try (text + "\n").write(toFile: "\(place)/\(name)", atomically: false, encoding: .utf8)
        }
        if files.fileExists(atPath: exclude) { try files.copyItem(atPath: exclude, toPath: place + "/info/exclude") }
        // An index that is split names its other half, which is next to it.
        let folder = (index as NSString).deletingLastPathComponent
        for name in try files.contentsOfDirectory(atPath: folder) where name.hasPrefix("sharedindex.") {
            try files.createSymbolicLink(atPath: "\(place)/\(name)", withDestinationPath: "\(folder)/\(name)")
        }
    }

    /// Finds submodules, and shows git the files that the user made it ignore.
    private func readIndex(_ index: String) {
        let entries = ask(["ls-files", "-v", "-s", "-z"], limit: Limit.index) ?? []
        var hidden: [String] = []
        for entry in entries.split(separator: 0) {
            guard let tab = entry.firstIndex(of: UInt8(ascii: "\t")), let tag = entry.first else { continue }
            let path = String(decoding: entry[(tab + 1)...], as: UTF8.self)
            if entry.dropFirst(2).starts(with: "160000 ".utf8) { submodules.append(path) }
            let isHidden = tag == UInt8(ascii: "S") || tag >= UInt8(ascii: "a")
            if isHidden, size(of: path) != nil { hidden.append(path) }
        }
        guard !hidden.isEmpty, hidden.count <= Limit.hiddenFiles else {
            if !hidden.isEmpty { git.note("changes of \(hidden.count) files that git ignores are not kept") }
            return
        }
        do { try FileManager.default.copyItem(atPath: index, toPath: place + "/index") } catch {
            git.note("changes of files that git ignores are not kept: \(error)")
            return
        }
        variables["GIT_INDEX_FILE"] = place + "/index"
        for mark in ["--no-assume-unchanged", "--no-skip-worktree"] { _ = ask(["update-index", mark, "--"] + hidden) }
    }

    private func ask(_ arguments: [String], limit: Int = 1 << 20) -> [UInt8]? {
        git.ask(arguments, variables: variables, limit: limit, isNoted: true)
    }

    /// The size of a file of the checkout, if it exists.
    private func size(of path: String) -> Int? {
        var information = stat()
        return lstat(git.folder + "/" + path, &information) == 0 ? Int(information.st_size) : nil
    }

    /// What `git status --porcelain` says: two letters, a space and a path each.
    package func states() -> [String]? {
        let options = ["--porcelain=v1", "-z", "--untracked-files=normal", "--no-renames", "--ignore-submodules=dirty"]
        return ask(["status"] + options, limit: Limit.diff)?.split(separator: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// A patch that makes the checkout of the commit, with its submodules, what is on the disk; files that secrets stand
    /// in are left out and named in the notes.
    ///
    /// - Parameters:
    ///   - secrets: What must not be kept.
    ///   - prefix: Where the checkout is in the one that the patch is for.
    /// - Returns: The patch, empty if nothing differs.
    package func changes(without secrets: Secrets, prefix: String = "") -> [UInt8] {
        // Files in which people keep keys are left out; submodules follow below.
        var places = [":/"] + ["**/.env*", "**/.netrc", "**/_netrc"].map { ":(top,exclude,glob)\($0)" }
        let common = ["--no-renames", "--ignore-submodules=all"]
        let counts = ask(["diff", "--numstat", "-z"] + common + [base, "--"] + places, limit: Limit.diff) ?? []
        for entry in counts.split(separator: 0) {
            let fields = entry.split(separator: UInt8(ascii: "\t"), maxSplits: 2)
            guard fields.count == 3 else { continue }
            let path = String(decoding: fields[2], as: UTF8.self)
            let reason: String
            if let size = size(of: path), size > Limit.file {
                reason = "its changes are not kept: it has \(RunDetails.size(size))"
            } else if fields[0].elementsEqual("-".utf8), secrets.occur(inAny: versions(of: path)) {
                reason = Self.holdsSecret
            } else {
                continue
            }
            git.note("\(prefix)\(path): \(reason)")
            places.append(":(top,exclude,literal)\(path)")
        }
        let form = ["--binary", "--src-prefix=a/\(prefix)", "--dst-prefix=b/\(prefix)"]
        let patch = Patch(ask(["diff"] + form + common + [base, "--"] + places, limit: Limit.diff) ?? [])
        var kept: [UInt8] = []
        for section in patch.sections {
            if section.holds(secrets) {
                git.note("\(section.name): \(Self.holdsSecret)")
            } else {
                kept += section.bytes
            }
        }
        return submodules.reduce(kept) { $0 + changes(inSubmodule: $1, without: secrets, prefix: prefix) }
    }

    private static let holdsSecret = "its changes hold a secret and are not kept"

    /// The bytes of a file on the disk and in the commit.
    private func versions(of path: String) -> [[UInt8]] {
        var info = stat()
        let file = git.folder + "/" + path
        let isFile = stat(file, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
        let now = isFile ? FileManager.default.contents(atPath: file).map(Array.init) : nil
        let before = git.ask(["cat-file", "blob", "\(base):\(path)"], variables: variables, limit: Limit.diff)
        return [now, before].compactMap(\.self)
    }

    /// The changes against the commit that this checkout's commit names for a submodule.
    private func changes(inSubmodule path: String, without secrets: Secrets, prefix: String) -> [UInt8] {
        let folder = git.folder + "/" + path
        guard FileManager.default.fileExists(atPath: folder + "/.git") else { return [] }
        var inner = git.at(folder)
        let head = inner.line(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
        let named = git.ask(["rev-parse", "--verify", "--quiet", "\(base):\(path)"], variables: variables)
            .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
        let isThere = named.map { inner.ask(["cat-file", "-e", $0]) != nil } ?? false
        if head != named { git.note("submodule \(prefix)\(path) is at commit \(head?.prefix(12) ?? "none")") }
        guard let checkout = RawCheckout(inner, commit: isThere ? named : head) else { return [] }
        let changes = checkout.changes(without: secrets, prefix: prefix + path + "/")
        submodulesNotes += checkout.notes
        return changes
    }
}
