package import JSON

/// The settings of many runs: those of one, and of every other what differs from them.
struct RunSettings {
    private var first: [String: JSONValue] = [:]
    private var hasFirst = false
    private var pattern: ConfigPattern?
    /// By member of the pattern: the settings that it holds.
    private var held: [[String]] = []
    /// By run: what it has otherwise than the first one; nil for a setting that it lacks.
    private var differences: [[String: JSONValue?]]

    /// Reads configs.
    ///
    /// - Parameter configs: One for each run, as JSON texts.
    /// - Throws: `JSONError` for a text that is none.
    init(_ configs: [String]) throws(JSONError) {
        self.init(count: configs.count)
        for (index, text) in configs.enumerated() { try read(text, of: index) }
    }

    /// Reserves memory for the settings of this many runs, which are read one by one.
    init(count: Int) {
        differences = Array(repeating: [:], count: count)
    }

    /// Reads a run's config.
    ///
    /// - Throws: `JSONError` for a text that is none.
    mutating func read(_ config: String, of index: Int) throws(JSONError) {
        guard hasFirst else { return try begin(with: config) }
        if let pattern, let found = try pattern.differences(in: config) {
            for (member, value) in found {
                compare(FlatConfig(value, at: pattern.members[member].name).settings, with: held[member], of: index)
            }
        } else {
            compare(try FlatConfig(config).settings, with: Array(first.keys), of: index)
        }
    }

    private mutating func begin(with config: String) throws(JSONError) {
        hasFirst = true
        let value = try JSONValue(parsing: config)
        first = Dictionary(FlatConfig(value, at: "").settings.map { ($0.name, $0.value) }) { $1 }
        guard case .object(let members) = value else { return }
        held = members.map { FlatConfig($0.value, at: $0.name).settings.map(\.name) }
        pattern = ConfigPattern(config)
    }

    /// Records how a run differs from the first one.
    ///
    /// - Parameters:
    ///   - settings: Settings of the run.
    ///   - names: Those that the first one has in their place.
    ///   - index: The run.
    private mutating func compare(_ settings: [JSONValue.Member], with names: [String], of index: Int) {
        var common = 0
        for setting in settings {
            guard let value = first[setting.name] else {
                differences[index][setting.name] = .some(setting.value)
                continue
            }
            common += 1
            if value != setting.value { differences[index][setting.name] = .some(setting.value) }
        }
        if common < names.count {
            let own = Set(settings.map(\.name))
            for name in names where !own.contains(name) { differences[index][name] = .some(nil) }
        }
    }

    /// The settings that are not the same in all runs.
    var varying: [String] { differences.reduce(into: Set<String>()) { $0.formUnion($1.keys) }.sorted() }

    /// All settings.
    var names: [String] { Set(first.keys).union(varying).sorted() }

    /// A run's setting; nil if it has none of that name.
    subscript(index: Int, name: String) -> JSONValue? { differences[index][name] ?? first[name] }
}

/// A config's settings: keys of nested objects are joined by dots.
package struct FlatConfig {
    /// The settings, in the config's order.
    package private(set) var settings: [JSONValue.Member] = []

    /// Reads a config.
    ///
    /// - Parameter json: The config as a JSON text.
    /// - Throws: `JSONError` for a text that is none.
    package init(_ json: String) throws(JSONError) { add(try JSONValue(parsing: json), at: "") }

    /// The value of a config's member.
    init(_ value: JSONValue, at path: String) { add(value, at: path) }

    private mutating func add(_ value: JSONValue, at path: String) {
        guard case .object(let members) = value else { return settings.append(.init(path, value)) }
        for member in members { add(member.value, at: path.isEmpty ? member.name : path + "." + member.name) }
    }

    /// A setting's value as a table has it: text without quotes, nothing for `null`.
    static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .null: ""
        default: value.text
        }
    }
}
