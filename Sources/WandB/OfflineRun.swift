import Foundation
import Glibc
import JSON

/// A run's folder as W&B's own client writes it offline, so that `wandb sync` uploads it too.
public struct OfflineRun: Sendable, Equatable {
    /// The `offline-run-…` folder that `wandb sync` takes.
    public let path: String
    private let id: String

    /// Writes, or writes anew, `offline-run-<start>-<id>/run-<id>.wandb` from what a tracking folder holds.
    ///
    /// Files to upload are linked below `files/`.
    ///
    /// - Parameter folder: the run's `wandb` folder.
    /// - Returns: where it is; nil where the server has a part of the run: `wandb sync` would start from the
    ///   beginning, so that `orchestrator sync` must go on.
    /// - Throws: `SpoolError` where the folder holds no run, or a file cannot be read or written.
    @discardableResult
    public static func write(from folder: String) throws(SpoolError) -> OfflineRun? {
        let spool = SpoolFolder(path: folder)
        guard let run = try spool.run() else { throw .noRun(path: folder) }
        guard try spool.sent() == nil else { return nil }
        let offline = OfflineRun(of: run, in: spool)
        let files = SpoolFolder(path: offline.path + "/files")
        try files.create()
        var records = OfflineRecords(run: run)
        for stream in SpoolFolder.Stream.allCases {
            var reader = SpoolReader(folder: spool, stream: stream)
            while let line = try reader.peek() {
                if stream == .files {
                    if let name = link(line, from: spool, into: files) { records.addFile(name) }
                } else {
                    records.add(line, of: stream)
                }
                reader.take()
            }
        }
        let exit = try spool.exit()
        records.finish(exit: exit?.session == run.session ? exit : nil)
        try SpoolFolder(path: offline.path).write(records.log.bytes, to: "run-\(run.description.id).wandb")
        // It is another session's now.
        unlink(offline.markPath)
        return offline
    }

    init(of run: SpooledRun, in spool: SpoolFolder) {
        id = run.description.id
        path = "\(spool.path)/offline-run-\(Self.stamp(run.startedAt))-\(id)"
    }

    /// W&B's own sign that a run was uploaded, at which `wandb sync` passes it over.
    private var markPath: String { "\(path)/run-\(id).wandb.synced" }

    /// Whether `wandb sync` has uploaded it, or `markSynced` was called.
    var isSynced: Bool { access(markPath, F_OK) == 0 }

    /// Keeps `wandb sync` from a run that is sent, or being sent, from its tracking folder.
    func markSynced() throws(SpoolError) {
        guard access(path, F_OK) == 0, !isSynced else { return }
        let file = open(markPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .cannotCreate(path: markPath, reason: SpoolError.systemReason) }
        close(file)
    }

    /// Puts a file to upload below `files/`.
    ///
    /// - Returns: its name; nil where the file is gone, or its name leads elsewhere.
    private static func link(_ line: SpoolReader.Line, from spool: SpoolFolder, into files: SpoolFolder) -> String? {
        guard let name = line.row?["name"]?.string, let path = line.row?["path"]?.string, !name.hasPrefix("/"),
            !name.split(separator: "/").contains("..")
        else { return nil }
        let source = spool.location(of: path)
        let place = URL(fileURLWithPath: files.path + "/" + name)
        do {
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            unlink(place.path)
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
