import Artifacts
import Foundation
package import Layout
import Store

/// A job with its runs' files in one file, which is a cache folder of its own: `state.sqlite`, `jobs/N`, `runs/…`.
package enum JobArchive {
    /// Writes a finished job's archive; nothing of the job is changed.
    ///
    /// The file appears only when it is whole.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - path: The file to make: `….tar.zst`, or `….tar`.
    ///   - state: Where the job is.
    /// - Returns: The archive's size in bytes, and the folders that should be in it and are gone, relative to the cache.
    /// - Throws: ``Failure`` for a job that continues, a file that is there, folders that hold FIFOs, devices or links
    ///   that lead out of them, and whatever `tar` has to say.
    package static func write(
        _ id: JobID, to path: String, in state: OpenStore
    ) throws -> (bytes: Int, missing: [String]) {
        let snapshot = try state.store.snapshot(of: id)
        guard snapshot.counts.settled == snapshot.counts.total else {
            throw Failure.badInput(
                "job \(id) is not finished (\(StatusText.counts(snapshot.counts))); only finished jobs can be archived")
        }
        let file = URL(filePath: path).path
        try checkName(file)
        let parent = (file as NSString).deletingLastPathComponent
        guard !FolderListing.isMissing(parent) else { throw Failure.badInput("there is no folder \(parent)") }
        guard FolderListing.isMissing(file) else { throw Failure.badInput("\(path) exists; name a new file") }
        try removeDead(besides: file)
        // Its own name: a killed command's tar may still be writing.
        let unfinished = file + unfinishedMark + UUID().uuidString.prefix(8)
        guard let lock = try FileLock(path: unfinished) else {
            throw Failure.failed("\(unfinished) is locked; try again")
        }
        defer { lock.release() }
        let missing: [String]
        do {
            missing = try fill(unfinished, for: file, with: snapshot, in: state)
            try Interruption.check()
            try storing { () throws(FileError) in try DurableFile.flush(unfinished) }
            guard FolderListing.isMissing(file) else { throw Failure.badInput("\(path) exists; name a new file") }
            try storing { () throws(FileError) in try DurableFile.rename(unfinished, to: file) }
        } catch {
            FileRemoval.discard(unfinished)
            throw error
        }
        var info = stat()
        return (stat(file, &info) == 0 ? Int(info.st_size) : 0, missing)
    }

    private static let unfinishedMark = ".unfinished-"

    /// Removes what commands that were killed have left of a file.
    private static func removeDead(besides file: String) throws(FileError) {
        let (parent, name) = ((file as NSString).deletingLastPathComponent, (file as NSString).lastPathComponent)
        for other in try FolderListing.names(in: parent) where other.hasPrefix(name + unfinishedMark) {
            let path = parent + "/" + other
            // Another user's can't be opened.
            guard access(path, W_OK) == 0, let lock = try FileLock(path: path) else { continue }
            FileRemoval.discard(path)
            lock.release()
        }
    }

    /// Writes the archive; returns the folders that are gone.
    private static func fill(
        _ unfinished: String, for file: String, with snapshot: JobSnapshot, in state: OpenStore
    ) throws -> [String] {
        let aside = try temporaryFolder()
        defer { discard(aside) }
        let (id, cache, own) = (snapshot.job.id, state.cache, CacheFolder(path: aside.path))
        try state.store.copy(of: id, to: own.stateFile)
        // In the archive all lies as in a cache folder.
        let folder = cache.relative(cache.folder(of: id).path)
        let folders = [folder] + snapshot.runs.map { cache.relative(cache.folder(of: $0.id).path) }
        let names = folders.filter { !FolderListing.isMissing(state.cache.path + "/" + $0) }
        if let (name, flaw) = try ArchiveEntries.fault(in: state.cache.path, of: names) {
            throw Failure.badInput(
                "job \(id) cannot be archived: \(name) \(flaw); remove it, or put a file in its place")
        }
        let list = aside.path + "/names"
        try storing { () throws(FileError) in
            try DurableFile.write(names.joined(separator: "\n") + "\n", to: list, flush: .nothing)
        }
        let answer = try tar(
            ["-c", "-f", unfinished, "-C", aside.path, own.relative(own.stateFile), "-C", cache.path]
                + ["--verbatim-files-from", "-T", list], for: file, environment: state.environment)
        guard answer.code == 0 else {
            try Interruption.check()
            throw Failure.failed(
                lacksRoom(answer) ? "no space left for \(file)" : "\(file) cannot be written: \(said(answer))")
        }
        // A run that was cancelled before it began has none.
        let begun =
            [folder] + snapshot.runs.filter { $0.attempt > 0 }.map { cache.relative(cache.folder(of: $0.id).path) }
        return begun.filter { !names.contains($0) }
    }

    /// Unpacks an archive into its own folder, which is the caller's to ``discard(_:)``.
    ///
    /// - Throws: ``Failure`` for a file that is not an archive of a job, is cut short, or holds what could lead
    ///   elsewhere.
    package static func unpack(_ path: String, environment: [String: String]) throws -> Aside {
        let file = URL(filePath: path).path
        guard !FolderListing.isMissing(file) else { throw Failure.badInput("there is no file \(path)") }
        try checkName(file)
        var info = stat()
        guard stat(file, &info) != 0 || info.st_mode & S_IFMT == S_IFREG else {
            throw Failure.badInput("\(path) is no regular file; expected an archive, .tar.zst or .tar")
        }
        let folder = try temporaryFolder()
        do {
            let answer = try tar(
                ["-x", "--no-same-owner", "-f", file, "-C", folder.path], for: file, environment: environment)
            // As far as it was unpacked: a reader must not block on a FIFO, or read files elsewhere.
            chmod(folder.path, 0o700)
            let names = try FolderListing.names(in: folder.path)
            if let (name, flaw) = try ArchiveEntries.fault(in: folder.path, of: names, mending: true) {
                throw Failure.badInput("\(path) is not a job's archive: \(name) in it \(flaw)")
            }
            if let flaw = try flaw(of: file, answer) { throw Failure.badInput("\(path) \(flaw)") }
            guard !FolderListing.isMissing(CacheFolder(path: folder.path).stateFile) else {
                throw Failure.badInput("\(path) is not a job's archive: it holds no state.sqlite")
            }
        } catch {
            discard(folder)
            throw error
        }
        return folder
    }

    /// Removes a folder that an archive was unpacked into.
    package static func discard(_ folder: Aside) { FileRemoval.discard(folder) }

    /// What is wrong with a file that `tar` should unpack, worded to follow the file's name.
    private static func flaw(of file: String, _ answer: ChildProcess.Answer) throws(FileError) -> String? {
        let ends = try FileEnds(of: file)
        let isCompressed = file.hasSuffix(".zst")
        if ends.size == 0 { return "is empty" }
        if isCompressed, ends.first != [0x28, 0xB5, 0x2F, 0xFD] { return "is not compressed with zstd" }
        if answer.code == 0 {
            // Without the two empty blocks at its end, tar accepts a truncated archive.
            return isCompressed || ends.last.allSatisfy { $0 == 0 } ? nil : "is cut short"
        }
        let text = answer.error
        // Where the decoder fails, what it was to give ends too early, as well.
        if ["Decoding error", "orrupt"].contains(where: text.contains) { return "is damaged" }
        let cuts = ["premature end", "unexpected end", "Unexpected EOF"]
        if cuts.contains(where: text.contains) { return "is cut short" }
        if text.contains("does not look like a tar") { return "is no tar file" }
        if lacksRoom(answer) {
            return "cannot be unpacked: no space left in \(NSTemporaryDirectory()); TMPDIR names another folder"
        }
        return "cannot be read: \(said(answer))"
    }

    /// Whether `tar` found no room: its exit code tells nothing, so its words in the C locale must.
    private static func lacksRoom(_ answer: ChildProcess.Answer) -> Bool {
        ["No space left on device", "Wrote only"].contains(where: answer.error.contains)
    }

    /// The first thing that `tar` said.
    private static func said(_ answer: ChildProcess.Answer) -> String {
        "tar says '\(answer.error.split(separator: "\n").first ?? "nothing")'"
    }

    private static func checkName(_ file: String) throws(Failure) {
        guard file.hasSuffix(".tar.zst") || file.hasSuffix(".tar") else {
            throw .badInput("\(file): expected a name that ends in .tar.zst or .tar")
        }
    }

    /// Folders of earlier processes that were killed go first.
    private static func temporaryFolder() throws(FileError) -> Aside {
        let parent = NSTemporaryDirectory()
        try Aside.removeDead(in: parent, named: "spd-archive-") { FileRemoval.discard($0) }
        return try Aside(in: parent, named: "spd-archive-" + UUID().uuidString)
    }

    private static func tar(
        _ arguments: [String], for file: String, environment: [String: String]
    ) throws(Failure) -> ChildProcess.Answer {
        guard let program = Program.find("tar", environment: environment) else {
            throw .failed("archives need tar, which is not on the PATH")
        }
        let isCompressed = file.hasSuffix(".zst")
        guard !isCompressed || Program.find("zstd", environment: environment) != nil else {
            throw .failed(".tar.zst needs zstd, which is not on the PATH")
        }
        // Messages in one language, so they can be distinguished.
        let process = ChildProcess(
            command: [program] + (isCompressed ? ["--zstd"] : []) + arguments,
            environment: environment.merging(["LC_ALL": "C"]) { $1 })
        do throws(ChildProcess.Trouble) { return try process.run(patience: .seconds(86_400)) } catch {
            throw .failed("tar \(error)")
        }
    }

    /// How a file begins and ends.
    private struct FileEnds {
        let size: Int
        let first: [UInt8]
        let last: [UInt8]

        init(of path: String) throws(FileError) {
            do {
                let file = try FileHandle(forReadingFrom: URL(filePath: path))
                defer { try? file.close() }
                first = Array(try file.read(upToCount: 4) ?? Data())
                size = Int(try file.seekToEnd())
                try file.seek(toOffset: UInt64(max(0, size - 1024)))
                last = Array(try file.readToEnd() ?? Data())
            } catch { throw FileError(.read, path) }
        }
    }
}
