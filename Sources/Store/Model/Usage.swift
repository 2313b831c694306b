/// A process's use of its machine, as it reports itself.
public struct Usage: Sendable, Equatable {
    /// The cores that it was given.
    public var cores: Int
    /// CPU time, in seconds, since its start.
    public var cpuSeconds: Double
    /// The most memory that it has held at once, in bytes.
    public var peakMemory: Int

    /// Describes what was taken.
    public init(cores: Int, cpuSeconds: Double, peakMemory: Int) {
        (self.cores, self.cpuSeconds, self.peakMemory) = (cores, cpuSeconds, peakMemory)
    }
}

/// What one attempt has used: its share of what the agent's process used.
public struct UsageShare: Sendable, Equatable {
    /// Cores: the agent's, divided by its slots.
    public var cores: Double
    /// CPU time since the last report, in seconds.
    public var cpuSeconds: Double
    /// The most memory that the agent has held, in bytes.
    public var peakMemory: Int

    /// Describes a share.
    public init(cores: Double, cpuSeconds: Double, peakMemory: Int) {
        (self.cores, self.cpuSeconds, self.peakMemory) = (cores, cpuSeconds, peakMemory)
    }
}
