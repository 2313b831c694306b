import Artifacts
import Foundation
import Glibc

/// One model's or data set's folder, laid out as the hub's own tools do:
/// `refs/main` holds a commit, `snapshots/<commit>/<path>` link into `blobs/`.
struct HubFolder {
    let path: String

    init(_ name: HubName, in cache: String) { path = cache + "/" + name.folder }

    /// The snapshot that `refs/main` names, else the one there is.
    ///
    /// - Returns: nil if there is none, or a process ended in the midst of adding files to it.
    /// - Throws: `FileError` if what is there cannot be read.
    func snapshot() throws(FileError) -> (folder: String, commit: String)? {
        try FolderListing.holds(unfinished) ? nil : begun()
    }

    /// The snapshot, also one that may lack some of the files that were to come at once.
    ///
    /// - Throws: `FileError` if what is there cannot be read.
    func begun() throws(FileError) -> (folder: String, commit: String)? {
        let main = path + "/refs/main"
        if try FolderListing.holds(main) {
            let text = String(decoding: try DurableFile.read(main, limit: 1 << 16), as: UTF8.self)
            let commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
            let folder = snapshots + "/" + commit
            if Self.isCommit(commit), try FolderListing.holds(folder) { return (folder, commit) }
        }
        let commits = try FolderListing.names(in: snapshots).filter(Self.isCommit)
        guard commits.count == 1, let commit = commits.first else { return nil }
        return (snapshots + "/" + commit, commit)
    }

    private var snapshots: String { path + "/snapshots" }
    /// Is there while files are added to a snapshot: some of them would look like a smaller data set.
    private var unfinished: String { path + "/.unfinished" }

    /// Adds files to a commit's snapshot, so a reader sees all of them or none.
    ///
    /// - Parameters:
    ///   - files: their paths and digests.
    ///   - commit: the commit.
    /// - Throws: `FileError` if that cannot be done.
    func add(_ files: [(path: String, digest: String)], to commit: String) throws(FileError) {
        guard !files.isEmpty else { return unlinkUnfinished() }
        try DurableFile.write("", to: unfinished)
        for file in files { try link(file.path, commit: commit, to: file.digest) }
        unlinkUnfinished()
    }

    private func unlinkUnfinished() { unlink(unfinished) }

    /// Where a file of a commit lies while it comes.
    func incomplete(_ file: String, commit: String) -> String {
        blob("\(commit)-\(SHA256.hex(file).prefix(16))\(Self.incompleteSuffix)")
    }

    /// Deletes earlier attempts' leftovers of other commits' files.
    ///
    /// - Throws: `FileError` if the folder cannot be listed.
    func removeIncomplete(butOf commit: String) throws(FileError) {
        let blobs = path + "/blobs"
        for name in try FolderListing.names(in: blobs)
        where name.hasSuffix(Self.incompleteSuffix) && !name.hasPrefix(commit + "-") { unlink(blobs + "/" + name) }
    }

    private static let incompleteSuffix = ".incomplete"

    /// Whether a text is a commit's name, and so the name of a folder.
    static func isCommit(_ text: String) -> Bool {
        (7...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            }
    }

    /// Where a blob of this digest lies.
    func blob(_ digest: String) -> String { path + "/blobs/" + digest }

    /// Where a file of a commit lies.
    func file(_ name: String, commit: String) -> String { snapshots + "/" + commit + "/" + name }

    /// Makes a file of a snapshot a link to its blob.
    ///
    /// - Throws: `FileError` if it cannot be made.
    private func link(_ name: String, commit: String, to digest: String) throws(FileError) {
        let link = file(name, commit: commit)
        try DurableFile.createFolder((link as NSString).deletingLastPathComponent)
        let up = String(repeating: "../", count: name.split(separator: "/").count + 1)
        // A link made by another process meanwhile says the same.
        guard symlink(up + "blobs/" + digest, link) == 0 || errno == EEXIST else { throw FileError(.create, link) }
    }

    /// Records that a commit is whole.
    func finish(commit: String) throws(FileError) {
        try DurableFile.createFolder(path + "/refs")
        try DurableFile.write(commit, to: path + "/refs/main")
    }
}
