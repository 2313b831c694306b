/// How far a run has come.
public struct RunProgress: Sendable, Equatable {
    /// Steps taken.
    public let step: Int
    /// Steps in all.
    public let steps: Int
    /// Recent steps per second; nil until known.
    public let stepsPerSecond: Double?
    /// The losses last logged.
    public let losses: [String: Double]
}
