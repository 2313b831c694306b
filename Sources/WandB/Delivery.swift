/// What became of a run's rows when its process ended.
public enum Delivery: Sendable, Equatable {
    /// The server has everything.
    case delivered(url: String?)
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
        case .left(let folder, let reason): "W&B: rows are kept in \(folder) (\(reason))"
        case .disabled: "W&B: disabled"
        }
    }
}
