/// What a run keeps for W&B, as those see it who count and delete files.
public struct SpoolFiles: Sendable {
    /// The folder, and the one file that it becomes; one of them is there.
    public let paths: [String]
    /// Whether W&B has everything, however it got there.
    public let isSent: Bool

    /// Looks at a run's tracking folder; nil where the run is not tracked.
    ///
    /// - Parameters:
    ///   - folder: the run's `wandb` folder.
    ///   - offlineFolders: where `offline-run-…` folders of runs are made on request.
    /// - Throws: `SpoolError` for files that cannot be read.
    public init?(folder: String, offlineFolders: String) throws(SpoolError) {
        let spool = SpoolFolder(path: folder)
        guard let run = try spool.run() else { return nil }
        paths = [spool.path, spool.packPath]
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
}
