/// Uniform random numbers that are functions of a seed, a stream's name and a number, and of nothing else.
package struct SeededNumbers: Sendable, Equatable {
    /// Other seeds give other numbers.
    package let seed: Int

    package init(seed: Int) { self.seed = seed }

    /// The number `index` of the stream called `name`, between 0 and 1, both excluded.
    package func uniform(_ name: String, _ index: Int) -> Double {
        // FNV-1a names the stream, SplitMix64 (Steele, Lea, Flood 2014) is the stream; numbered, not drawn one after another.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let start = Self.mixed(Self.mixed(UInt64(bitPattern: Int64(seed)) &+ Self.gamma) ^ hash)
        let bits = Self.mixed(start &+ UInt64(index + 1) &* Self.gamma)
        return (Double(bits >> 11) + 0.5) * 0x1p-53
    }

    private static let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15

    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
