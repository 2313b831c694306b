/// Writes configs that have nearly all settings in common, as ``ExperimentConfig/json()`` does: of each, only those keys
/// are written anew that may differ from the first one's.
public struct ConfigWriter {
    /// What the first config has for each field, `"key": value`; nil where the key is left out.
    private let parts: [String?]
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
    public func json(_ config: ExperimentConfig, changing paths: some Sequence<String>) -> String {
        var parts = parts
        for path in paths {
            let key = path.firstIndex(of: ".").map { String(path[..<$0]) } ?? path
            guard let place = Self.places[key] else { continue }
            parts[place] = Self.part(ExperimentConfig.fields[place], of: config)
        }
        var text = "{"
        text.reserveCapacity(2048)
        for case let part? in parts {
            if text.utf8.count > 1 { text += ", " }
            text += part
        }
        text += "}"
        assert(text == config.json(), "a config differs in more than it was said to")
        return text
    }

    private static func part(_ field: Field<ExperimentConfig>, of config: ExperimentConfig) -> String? {
        guard let value = field.write(config) else { return nil }
        return String(ConfigValue.map([ConfigValue.Entry(field.key, value)]).json.dropFirst().dropLast())
    }
}
