import Search

/// How many samples a random search takes, and where they come from.
///
/// The numbers are SplitMix64 streams, one for each parameter: the value of a parameter in sample i depends on nothing
/// but the seed, the parameter's path and i. So the first M of N samples are those that M give, another parameter
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
    func uniform(path: String, sample: Int) -> Double { SeededNumbers(seed: seed).uniform(path, sample) }
}
