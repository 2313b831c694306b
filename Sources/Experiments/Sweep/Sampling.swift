/// How many samples a random search takes, and where they come from.
///
/// The numbers are SplitMix64 streams, one for each parameter: the value of a parameter in sample i depends on nothing
/// but the seed, the parameter's path and i. So the first M of N samples are those that M give, a further parameter
/// changes no other's values, and experiments that share a parameter draw the same values for it.
public struct Sampling: Sendable, Equatable {
    /// How many specs each experiment gets.
    public let count: Int
    /// Other seeds give other samples.
    public let seed: Int

    /// Asks for `count` samples, at least one.
    public init(count: Int, seed: Int = 0) {
        self.count = count
        self.seed = seed
    }

    /// A uniform number between 0 and 1, both excluded.
    func uniform(path: String, sample: Int) -> Double {
        // FNV-1a names the stream, SplitMix64 (Steele, Lea, Flood 2014) is the stream.
        var name: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path.utf8 { name = (name ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let start = Self.mixed(Self.mixed(UInt64(bitPattern: Int64(seed)) &+ Self.gamma) ^ name)
        let bits = Self.mixed(start &+ UInt64(sample + 1) &* Self.gamma)
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
