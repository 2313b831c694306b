import Artifacts
import Foundation
import Glibc
import JSON

/// A run's folder as W&B's own client writes it offline, so `wandb sync` uploads it too.
public struct OfflineRun: Sendable, Equatable {
    /// The `offline-run-…` folder that `wandb sync` takes.
    public let path: String
    private let id: String

    /// Writes, or writes again, `offline-run-<start>-<id>/run-<id>.wandb` from what a tracking folder holds.
    ///
    /// Files to upload are linked below `files/`.
    ///
    /// - Parameters:
    ///   - folder: the run's `wandb` folder.
    ///   - parent: where the `offline-run-…` folder goes, one for all runs.
    /// - Returns: where it is; nil if the server has a part of the run, or is being sent it: `wandb sync` would start
    ///   from the beginning, so `orchestrator sync` must continue.
    /// - Throws: `SpoolError` where the folder holds no run, or a file cannot be read or written.
    @discardableResult
    public static func write(from folder: String, into parent: String) throws(SpoolError) -> OfflineRun? {
        let spool = SpoolFolder(path: folder)
        guard let run = try spool.run() else { throw .noRun(path: folder) }
        let offline = OfflineRun(of: run, in: parent)
        guard try spool.sent() == nil, try !offline.isSynced(run) else { return nil }
        // Another sender waits meanwhile, and then finds this folder.
        try spool.unfold()
        guard let lock = try SenderLock.take(spool) else { return nil }
        let isWritten = try offline.write(run, from: spool)
        lock.release()
        try spool.fold()
        return isWritten ? offline : nil
    }

    /// - Returns: false if the server has got a part of it meanwhile.
    private func write(_ run: SpooledRun, from spool: SpoolFolder) throws(SpoolError) -> Bool {
        guard try spool.sent() == nil else { return false }
        let files = SpoolFolder(path: path + "/files")
        try files.create()
        var records = OfflineRecords(run: run)
        for stream in SpoolFolder.Stream.allCases {
            var reader = SpoolReader(folder: spool, stream: stream)
            while let line = try reader.peek() {
                if stream == .files {
                    if let name = Self.link(line, from: spool, into: files) { records.addFile(name) }
                } else {
                    records.add(line, of: stream)
                }
                reader.take()
            }
        }
        let exit = try spool.exit()
        records.finish(exit: exit?.session == run.session ? exit : nil)
        let place = SpoolFolder(path: path)
        try place.write(records.log.bytes, to: "run-\(run.description.id).wandb")
        // It is this session's now.
        unlink(markPath)
        try place.write(Session(session: run.session), to: Session.name)
        return true
    }

    /// Which of a run's sessions the folder was written after.
    private struct Session: Codable {
        static let name = "session.json"
        let session: Int
    }

    init(of run: SpooledRun, in parent: String) {
        id = run.description.id
        path = "\(parent)/offline-run-\(Self.stamp(run.startedAt))-\(id)"
    }

    /// A run's folders, wherever they may be: where they are made on request, and where earlier versions put them.
    static func all(of run: SpooledRun, in spool: SpoolFolder, _ parent: String?) -> [OfflineRun] {
        [spool.path, parent].compactMap(\.self).map { OfflineRun(of: run, in: $0) }
    }

    /// W&B's own sign that a run was uploaded, at which `wandb sync` passes it over.
    private var markPath: String { "\(path)/run-\(id).wandb.synced" }

    /// Whether `wandb sync` has uploaded the run's present session, or `markSynced` was called.
    func isSynced(_ run: SpooledRun) throws(SpoolError) -> Bool {
        guard access(markPath, F_OK) == 0 else { return false }
        let written: Session? = try SpoolFolder(path: path).read(Session.name)
        return written.map { $0.session == run.session } ?? true
    }

    /// Keeps `wandb sync` away from a run that is sent, or being sent, from its tracking folder.
    func markSynced() throws(SpoolError) {
        guard access(path, F_OK) == 0 else { return }
        let file = open(markPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .cannotCreate(path: markPath, reason: SpoolError.systemReason) }
        close(file)
    }

    /// Puts a file to upload below `files/`.
    ///
    /// - Returns: its name; nil if the file is gone, or its name leads elsewhere.
    private static func link(_ line: SpoolReader.Line, from spool: SpoolFolder, into files: SpoolFolder) -> String? {
        guard let file = SpooledFile(line), file.artifact == nil, !file.name.hasPrefix("/"),
            !file.name.split(separator: "/").contains("..")
        else { return nil }
        let name = file.name
        let source = spool.location(of: file.path)
        let place = URL(fileURLWithPath: files.path + "/" + name)
        do {
            try DurableFile.createFolder(place.deletingLastPathComponent().path)
            unlink(place.path)
            if let part = file.place {
                try DurableFile.write(FilePack.bytes(part, of: source), to: place.path, flush: .nothing)
                return name
            }
            // A second name costs nothing; other file systems get a copy.
            if Glibc.link(source, place.path) != 0 {
                try FileManager.default.copyItem(atPath: source, toPath: place.path)
            }
            return name
        } catch {
            return nil
        }
    }

    /// `YYYYMMDD_HHMMSS`, in UTC so that another machine finds the same name.
    private static func stamp(_ date: Double) -> String {
        var seconds = time_t(date.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(
            format: "%04d%02d%02d_%02d%02d%02d", Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1,
            Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec))
    }
}
