@_exported public import Layout

/// The number of an agent: one process that claims specs of one job.
public struct AgentID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int64

    /// Wraps an agent's number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The number as users type it.
    public var description: String { String(rawValue) }
}
