/// A value of a YAML or JSON document, without its place in the file.
public enum ConfigValue: Sendable, Hashable {
    /// `null`, `~` or nothing at all.
    case null
    /// `true` or `false` (`yes`, `no`, `on` and `off` too, as YAML 1.1 has them).
    case bool(Bool)
    /// A whole number: one that is written without a point or an exponent.
    case int(Int)
    /// Any other number.
    case number(Double)
    /// Text.
    case string(String)
    /// A sequence.
    case list([ConfigValue])
    /// A mapping, in the order of the file.
    case map([Entry])

    /// One key of a mapping and what it holds.
    public struct Entry: Sendable, Hashable {
        /// The key.
        public let key: String
        /// What the key holds.
        public let value: ConfigValue

        /// Pairs a key with what it holds.
        public init(_ key: String, _ value: ConfigValue) {
            self.key = key
            self.value = value
        }
    }
}
