/// How a run ended.
public enum RunOutcome: Sendable, Equatable {
    /// All steps are done; the last row's numbers.
    case finished(metrics: [String: Double])
    /// It was asked to stop; its state is saved and continues from there.
    case interrupted(step: Int)
    /// Someone stopped it on its W&B page.
    case stopped(step: Int)
    /// Its sweep stopped it early, for the reason given; its rows are written, and these are the last one's numbers.
    case outdone(step: Int, reason: String, metrics: [String: Double])
}
