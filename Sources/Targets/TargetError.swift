/// Why a target cannot be decomposed.
public struct TargetError: Error, Equatable, CustomStringConvertible {
    /// One readable line.
    public let description: String

    /// Says why.
    public init(_ description: String) {
        self.description = description
    }
}
