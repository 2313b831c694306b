/// A tracked run's page on W&B, as its folder knows it.
public struct RunPage: Sendable, Equatable {
    /// The page's address.
    public let url: String
    /// Whether the run has ended and its page shows all of it.
    public let isComplete: Bool

    /// Reads a run's tracking folder; nil if no server has taken the run yet, or it is not tracked.
    ///
    /// - Parameter folder: the run's `wandb` folder.
    /// - Throws: `SpoolError` for files that cannot be read.
    public init?(folder: String) throws(SpoolError) {
        let spool = SpoolFolder(path: folder)
        guard let sent = try spool.sent(), !sent.url.isEmpty, let run = try spool.run() else { return nil }
        url = sent.url
        isComplete = sent.isWhole(run.session)
    }
}
