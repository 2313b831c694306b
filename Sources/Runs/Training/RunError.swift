/// Why a run cannot continue.
public enum RunError: Error, Equatable, CustomStringConvertible {
    /// The spec can never run as it is: wrong config, target or weights.
    case invalid(String)
    /// It has produced non-finite numbers, and would again.
    case diverged(String)
    /// This attempt failed.
    case failed(String)
    /// The disk or the quota is full: no fault of the run's, which continues once there is room.
    case outOfRoom(String)

    /// One readable line.
    public var description: String {
        switch self {
        case .invalid(let reason), .diverged(let reason), .failed(let reason), .outOfRoom(let reason): reason
        }
    }
}
