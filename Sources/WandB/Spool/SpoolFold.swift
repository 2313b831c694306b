import Artifacts
import Foundation
import Glibc

/// A spool that nothing follows in is folded into one file next to its folder, because ten thousand finished runs would
/// else be a hundred thousand files; a process that needs its files again unfolds it.
///
/// The file is whole before the folder's files go, and goes only after they are all back: as long as it is there, it
/// speaks, and what is in the folder is a copy of a part of it. A crash in between costs nothing.
extension SpoolFolder {
    /// The folded spool: a zip archive whose entries are stored as they are.
    var packPath: String { path + ".zip" }
    var isFolded: Bool { access(packPath, F_OK) == 0 }

    /// How often what is in neither place is looked for: a process that the system stops between two looks may find that
    /// others have folded or unfolded the spool each time.
    static let looks = 5
    /// What is asked of a folded spool, at its beginning.
    private static let first = ["run.json", "exit.json", "sent.json"]
    /// What belongs to the sender.
    private static let passing: Set = ["sender.lock", "sender.json", "relayed.json", "stop"]

    /// Folds what a run has left that is over, unless somebody sends it.
    ///
    /// - Returns: whether it is folded now.
    @discardableResult
    func fold() throws(SpoolError) -> Bool {
        guard access(runPath, F_OK) == 0 else { return isFolded }
        guard let sending = try SenderLock.take(self) else { return false }
        guard let shape = try SpoolShape(self) else { return false }
        let isDone = try foldHeld()
        shape.release()
        sending.release()
        return isDone
    }

    private func foldHeld() throws(SpoolError) -> Bool {
        // A writer that opened it meanwhile continues it.
        guard !isFolded, let run = try run(), let exit = try exit(), exit.session == run.session else { return false }
        let names = try names()
        // Made by an earlier version, which considered them sent if marked so.
        guard !names.contains(where: { $0.hasPrefix("offline-run-") }) else { return false }
        do throws(FileError) {
            var files: [(name: String, bytes: [UInt8])] = []
            for name in names { files.append((name, try DurableFile.read(path + "/" + name, limit: 1 << 31))) }
            // Packs that killed processes had begun to write.
            let pack = packPath as NSString
            DurableFile.removeUnfinished(
                of: [pack.lastPathComponent], in: pack.deletingLastPathComponent, olderThan: 0)
            try FilePack.write(files, to: packPath, flush: .contents)
        } catch {
            throw .cannotWrite(path: packPath, reason: error.reason)
        }
        removeFiles()
        return true
    }

    /// The files that are folded, those that are asked for first.
    private func names() throws(SpoolError) -> [String] {
        do {
            let all = try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
                var info = stat()
                return lstat(path + "/" + name, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
                    && !Self.passing.contains(name) && !DurableFile.isUnfinished(name)
            }
            return Self.first.filter(all.contains) + all.filter { !Self.first.contains($0) }.sorted()
        } catch {
            throw .cannotRead(path: path, reason: (error as NSError).localizedDescription)
        }
    }

    /// What cannot be removed only costs space: the pack counts.
    private func removeFiles() {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
        // Folders after what is in them, and the lock, which keeps others waiting, last.
        for name in names.sorted(by: >) where name != "sender.lock" {
            if unlink(path + "/" + name) != 0 { rmdir(path + "/" + name) }
        }
        unlink(lockPath)
        rmdir(path)
    }

    /// Makes a folder of a folded spool again.
    func unfold() throws(SpoolError) {
        guard isFolded else { return }
        let shape = try SpoolShape(self)
        try unfoldHeld()
        shape?.release()
    }

    /// Unfolds a spool into a folder; the caller keeps others from folding it.
    func unfoldHeld() throws(SpoolError) {
        guard isFolded else { return }
        try create()
        do throws(FileError) {
            let pack = try FilePack(contentsOf: packPath)
            for entry in pack.entries where !entry.name.split(separator: "/").contains("..") {
                let file = path + "/" + entry.name
                guard access(file, F_OK) != 0 else { continue }
                if let slash = entry.name.lastIndex(of: "/") {
                    try DurableFile.createFolder(path + "/" + entry.name[..<slash])
                }
                try DurableFile.write(pack.bytes(of: entry), to: file, flush: .nothing)
            }
        } catch {
            throw .damaged(path: packPath, reason: error.reason)
        }
        unlink(packPath)
    }

    /// The bytes of a file of the spool, folded or not; nil if there is none.
    ///
    /// Others may fold or unfold it meanwhile: a file that is missing in both places is looked for again, and a fault counts
    /// only where the last look finds it too.
    func bytes(of name: String) throws(SpoolError) -> [UInt8]? {
        var fault: FileError?
        for _ in 0..<Self.looks {
            do throws(FileError) {
                return try DurableFile.read(path + "/" + name, limit: 1 << 31)
            } catch {
                fault = error.cause == .missing ? nil : error
            }
            guard fault == nil else { continue }
            do throws(FileError) {
                return try FilePack(contentsOf: packPath, upTo: name).bytes(of: name)
            } catch {
                fault = error.cause == .missing ? nil : error
            }
        }
        if let fault { throw .cannotRead(path: fault.path, reason: fault.reason) }
        return nil
    }
}

/// The right to fold or unfold a spool, or to open it for writing, which one process has at a time.
///
/// It is a byte of the lock file next to the sender's. Where a file system has no locks, the spool's session shows a
/// writer that came in between.
struct SpoolShape: ~Copyable {
    private let descriptor: Int32
    private static let byte: off_t = 1
    private static let patience: Duration = .seconds(5)

    /// Waits for the right; makes the folder if needed.
    ///
    /// - Returns: nil if somebody holds it for seconds, or locks do not work here.
    init?(_ folder: SpoolFolder) throws(SpoolError) {
        let end = ContinuousClock.now + Self.patience
        while true {
            try folder.create()
            let descriptor = open(folder.lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            if descriptor < 0, errno == ENOENT, .now < end { continue }
            guard descriptor >= 0 else {
                throw .cannotCreate(path: folder.lockPath, reason: SpoolError.systemReason)
            }
            let code = SenderLock.lock(descriptor, byte: Self.byte)
            // A folder that was folded meanwhile took its lock file along.
            if code == 0, SenderLock.isCurrent(descriptor, in: folder) {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
            guard code == 0 || code == EAGAIN || code == EACCES, .now < end else { return nil }
            usleep(2000)
        }
    }

    /// Gives the right back.
    consuming func release() {}

    deinit { close(descriptor) }
}
