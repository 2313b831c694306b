/// Writes configs that have nearly all settings in common, as ``ExperimentConfig/json()`` does: of each, only those keys
/// are written again that may differ from the first one's.
public struct ConfigWriter {
    /// What the first config has for each field, `"key": value`; nil if the key is left out.
    private let parts: [String?]
    /// The fields that the last config was written again in, and what stands before, between and after them.
    private var changing: (paths: [String], places: [Int], between: [String]) = ([], [], [])
    private static let places = Dictionary(
        ExperimentConfig.fields.enumerated().flatMap { place, field in
            ([field.key] + field.aliases).map { ($0, place) }
        }, uniquingKeysWith: { first, _ in first })

    /// Takes the config that others are like.
    public init(_ first: ExperimentConfig) {
        parts = ExperimentConfig.fields.map { Self.part($0, of: first) }
    }

    /// The text of a config.
    ///
    /// - Parameters:
    ///   - config: The config.
    ///   - paths: Dotted paths of all keys in which it may differ from the first one.
    /// - Returns: What ``ExperimentConfig/json()`` returns.
    public mutating func json(_ config: ExperimentConfig, changing paths: [String]) -> String {
        if changing.between.isEmpty || changing.paths != paths { change(paths) }
        var text = "{"
        text.reserveCapacity(2048)
        for (index, stretch) in changing.between.enumerated() {
            if index > 0, let part = Self.part(ExperimentConfig.fields[changing.places[index - 1]], of: config) {
                if text.utf8.count > 1 { text += ", " }
                text += part
            }
            if !stretch.isEmpty {
                if text.utf8.count > 1 { text += ", " }
                text += stretch
            }
        }
        text += "}"
        assert(text == config.json(), "a config differs in more than announced")
        return text
    }

    /// Joins what no path changes: nearly all configs change in the same ones.
    private mutating func change(_ paths: [String]) {
        let places = Set(paths.compactMap { path in Self.places[String(path.prefix { $0 != "." })] }).sorted()
        let bounds = zip([-1] + places, places + [parts.count])
        let between = bounds.map { parts[($0 + 1)..<$1].compactMap(\.self).joined(separator: ", ") }
        changing = (paths, places, between)
    }

    private static func part(_ field: Field<ExperimentConfig>, of config: ExperimentConfig) -> String? {
        guard let value = field.write(config) else { return nil }
        return "\(ConfigValue.string(field.key).json): \(value.json)"
    }
}
