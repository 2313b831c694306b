/// A run whose rows a relay is to send.
public struct RelayedRun: Sendable, Equatable {
    /// The run's id.
    public let id: String
    /// Its tracking folder, the run folder's `wandb`.
    public let folder: String
    /// Whether there can be anything in it yet; else it need not be looked at.
    public let hasBegun: Bool
    /// How it ended, once nothing follows.
    public let end: End?
    /// Where `offline-run-…` folders of runs are made on request.
    public let offlineFolders: String?

    /// How a run ended, as its starter knows.
    public struct End: Sendable, Equatable {
        /// What the run's page should say if the run's own process died before saying it.
        public let exitCode: Int32
        /// Seconds since then.
        public let age: Double

        /// An end some seconds ago.
        public init(exitCode: Int32, age: Double) {
            self.exitCode = exitCode
            self.age = age
        }
    }

    /// A run and how it ended, nil while it continues.
    public init(id: String, folder: String, hasBegun: Bool = true, end: End?, offlineFolders: String? = nil) {
        self.id = id
        self.folder = folder
        self.hasBegun = hasBegun
        self.end = end
        self.offlineFolders = offlineFolders
    }
}

/// How far a relay is with a run.
public enum RelayStanding: Sendable, Equatable {
    /// Its turn has not come.
    case waiting
    /// Its rows are on their way.
    case sending
    /// The server has everything so far; the run continues.
    case upToDate
    /// The server has everything, to the exit.
    case sent
    /// There is no tracking folder.
    case untracked
    /// Another process sends it.
    case elsewhere
    /// Something is in the way; it is tried again.
    case troubled(String)
    /// It was tried often enough.
    case failed(String)
}
