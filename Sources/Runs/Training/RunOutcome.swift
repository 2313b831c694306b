/// How a run ended.
public enum RunOutcome: Sendable, Equatable {
    /// All steps are done; the last row's numbers.
    case finished(metrics: [String: Double])
    /// It was asked to stop; unless it had not begun (step 0), its state is saved and continues from there.
    case interrupted(step: Int)
    /// Someone stopped it on its W&B page.
    case stopped(step: Int)
    /// Its sweep stopped it early, for the reason given; its rows are written, and these are the last one's numbers.
    case outdone(step: Int, reason: String, metrics: [String: Double])

    /// What the log says of an interruption: while a target is trained, or data are read, there is nothing to save yet.
    public static func interruption(at step: Int) -> String {
        step > 0 ? "interrupted at step \(step); its state is saved" : "interrupted before its first step"
    }
}
