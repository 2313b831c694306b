/// Steele, Lea and Flood's SplitMix64 (2014): the same numbers from the same state, whatever the library's version.
@frozen
public struct SplitMix64: Sendable {
    /// What the next number is computed from.
    public var state: UInt64

    /// A generator in a given state.
    @inlinable
    public init(state: UInt64) { self.state = state }

    /// The next number, of 64 bits.
    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number below `bound`; the bias of the high product is below 2^-32 for bounds of 32 bits.
    @inlinable
    public mutating func next(below bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }
}
