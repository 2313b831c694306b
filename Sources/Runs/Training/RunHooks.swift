/// Whose a run's files are, as far as an attempt at it knows.
public enum FileOwnership: Sendable, Equatable {
    /// This attempt's.
    case ours
    /// The state could not be asked for a while: somebody else may have taken over, or not.
    case unknown
    /// Another attempt's: nothing more may be written to them.
    case lost
}

/// What a run asks of its surroundings while it continues, and what it reports to them.
public struct RunHooks: Sendable {
    /// Whether to save the state and stop; asked between steps, so it must be quick.
    public var shouldStop: @Sendable () -> Bool
    /// Whose the run's files are; asked between steps, so it must be quick.
    public var ownership: @Sendable () -> FileOwnership
    /// Asked before anything is allocated, with the bytes that the run needs, whether to begin.
    ///
    /// It may wait, and throws for a run that does not fit.
    public var admit: @Sendable (_ bytes: Int) throws(RunError) -> Bool = { _ in true }
    /// Receives progress, every few tenths of a second, on the thread that runs.
    public var progress: @Sendable (RunProgress) -> Void
    /// Receives the progress of the target's training, if it has to be trained first, every few tenths of a second.
    public var training: @Sendable (RunProgress) -> Void = { _ in }
    /// Receives each logged row, on the thread that runs.
    public var logged: @Sendable (MetricsRow) -> Void = { _ in }
    /// Why the run is to end early, if it is; asked between steps, so it must be quick.
    public var outdone: @Sendable () -> String? = { nil }
    /// Receives lines for people.
    public var say: @Sendable (String) -> Void

    /// Creates hooks.
    public init(
        shouldStop: @escaping @Sendable () -> Bool, ownership: @escaping @Sendable () -> FileOwnership = { .ours },
        progress: @escaping @Sendable (RunProgress) -> Void,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.shouldStop = shouldStop
        self.ownership = ownership
        self.progress = progress
        self.say = say
    }
}
