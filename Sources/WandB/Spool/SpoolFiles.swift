public import Artifacts

/// A run's data for W&B, as seen by code that counts and deletes files.
public struct SpoolFiles: Sendable {
    /// The folder, and the one file that it becomes, one of which exists; and where W&B's own offline folder of the
    /// run may be, which was made of it.
    public let paths: [String]
    /// Whether W&B has everything, however it got there.
    public let isSent: Bool

    /// Looks at a run's tracking folder; nil if the run is not tracked.
    ///
    /// - Parameters:
    ///   - folder: the run's `wandb` folder.
    ///   - offlineFolders: where `offline-run-…` folders of runs are made on request.
    /// - Throws: `SpoolError` for files that cannot be read.
    public init?(folder: String, offlineFolders: String) throws(SpoolError) {
        let spool = SpoolFolder(path: folder)
        guard let run = try spool.run() else { return nil }
        paths = [spool.path, spool.packPath, OfflineRun(of: run, in: offlineFolders).path]
        if let sent = try spool.sent() {
            isSent = sent.isWhole(run.session)
        } else {
            var isSynced = false
            for offline in OfflineRun.all(of: run, in: spool, offlineFolders) where try offline.isSynced(run) {
                isSynced = true
            }
            isSent = isSynced
        }
    }

    /// Folds a finished run's leftovers into one file, unless somebody is sending it.
    ///
    /// - Parameter folder: the run's `wandb` folder; one that does not exist, or was folded before, stays as it is.
    /// - Throws: `SpoolError` for what cannot be read or written.
    public static func fold(_ folder: String) throws(SpoolError) { try SpoolFolder(path: folder).fold() }

    /// The ids of the runs that `wandb sync` has marked as sent.
    ///
    /// - Parameter folder: where `offline-run-…` folders of runs are made on request.
    /// - Returns: none if there is no such folder.
    /// - Throws: `FileError` if it cannot be listed.
    public static func marked(in folder: String) throws(FileError) -> Set<String> {
        var ids: Set<String> = []
        for name in try FolderListing.names(in: folder) where name.hasPrefix("offline-run-") {
            guard let id = name.split(separator: "-").last,
                try FolderListing.holds("\(folder)/\(name)/run-\(id).wandb.synced")
            else { continue }
            ids.insert(String(id))
        }
        return ids
    }
}
