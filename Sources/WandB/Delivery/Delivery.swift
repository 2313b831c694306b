/// What became of a run's rows when its process ended.
public enum Delivery: Sendable, Equatable {
    /// The server has everything.
    case delivered(url: String?)
    /// The server has every row and the run's end, but not all files; a later sync sends them.
    case filesLeft(url: String?, reason: String)
    /// Something is still in the folder and only there; a later sync sends it.
    case left(folder: String, reason: String)
    /// Nothing was kept: tracking is disabled.
    case disabled
}

extension Delivery: CustomStringConvertible {
    /// One line for the user.
    public var description: String {
        switch self {
        case .delivered(let url): "W&B: all rows sent\(url.map { "; \($0)" } ?? "")"
        case .filesLeft(let url, let reason):
            "W&B: all rows sent, but not all files (\(reason)): `orchestrator sync` tries again\(url.map { "; \($0)" } ?? "")"
        case .left(let folder, let reason): "W&B: rows are kept in \(folder) (\(reason))"
        case .disabled: "W&B: disabled"
        }
    }
}
