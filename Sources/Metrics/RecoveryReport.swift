/// How well a decomposition has recovered its target's features, as far as its weights alone tell.
///
/// The worker finds it out, and commands and pages print it without knowing the target's kind.
public struct RecoveryReport: Codable, Sendable, Equatable {
    /// A number over all features.
    public struct Number: Codable, Sendable, Equatable {
        /// What programs call it: `mean_<key>` and `std_<key>`.
        public let key: String
        /// What people call it.
        public let name: String
        /// The mean; nil for one that is not finite.
        public let mean: Double?
        /// The standard deviation, where there is one.
        public let deviation: Double?

        /// Describes a number.
        public init(key: String, name: String, mean: Double?, deviation: Double?) {
            (self.key, self.name, self.mean, self.deviation) = (key, name, mean, deviation)
        }
    }

    /// What `worker weights` prints of one decomposition.
    public struct Answer: Codable, Sendable {
        /// The recovery; nil for kinds of target whose weights tell nothing of it.
        public let recovery: RecoveryReport?

        /// Says what was found.
        public init(recovery: RecoveryReport?) { self.recovery = recovery }
    }

    /// The numbers, the most telling first.
    public let numbers: [Number]
    /// How many subcomponents were matched with features.
    public let matched: Int
    /// Those that were left out.
    public let leftOut: [Int]
    /// What the numbers are over, in words.
    public let note: String

    /// Sums a decomposition up.
    public init(numbers: [Number], matched: Int, leftOut: [Int], note: String) {
        (self.numbers, self.matched, self.leftOut, self.note) = (numbers, matched, leftOut, note)
    }
}
