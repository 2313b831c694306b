package import JSON

/// Compares the settings of many runs with those of the first one: only what differs from it is read and told.
struct RunSettings {
    /// What a run has otherwise than the first one; nil for a setting that it lacks.
    typealias Differences = [String: JSONValue?]

    private var first: [String: JSONValue] = [:]
    private var hasFirst = false
    private var pattern: ConfigPattern?
    /// By member of the pattern: the settings that it holds.
    private var held: [[String]] = []
    private var differing: Set<String> = []

    /// Reads a run's config; the first one is what all are compared with.
    ///
    /// - Parameter config: The config as a JSON text.
    /// - Returns: How it differs from the first one.
    /// - Throws: `JSONError` for a text that is none.
    mutating func read(_ config: String) throws(JSONError) -> Differences {
        guard hasFirst else {
            try begin(with: config)
            return [:]
        }
        var differences: Differences = [:]
        if let pattern, let found = try pattern.differences(in: config) {
            for (member, value) in found {
                compare(
                    FlatConfig(value, at: pattern.members[member].name).settings, with: held[member], &differences)
            }
        } else {
            compare(try FlatConfig(config).settings, with: Array(first.keys), &differences)
        }
        for name in differences.keys where !differing.contains(name) { differing.insert(name) }
        return differences
    }

    private mutating func begin(with config: String) throws(JSONError) {
        hasFirst = true
        let value = try JSONValue(parsing: config)
        first = Dictionary(FlatConfig(value, at: "").settings.map { ($0.name, $0.value) }) { $1 }
        guard case .object(let members) = value else { return }
        held = members.map { FlatConfig($0.value, at: $0.name).settings.map(\.name) }
        pattern = ConfigPattern(config)
    }

    /// Notes how a run differs from the first one.
    ///
    /// - Parameters:
    ///   - settings: Settings of the run.
    ///   - names: Those that the first one has in their place.
    ///   - differences: What is known so far.
    private func compare(_ settings: [JSONValue.Member], with names: [String], _ differences: inout Differences) {
        var common = 0
        for setting in settings {
            guard let value = first[setting.name] else {
                differences[setting.name] = .some(setting.value)
                continue
            }
            common += 1
            if value != setting.value { differences[setting.name] = .some(setting.value) }
        }
        if common < names.count {
            let own = Set(settings.map(\.name))
            for name in names where !own.contains(name) { differences[name] = .some(nil) }
        }
    }

    /// The settings that are not the same in all runs that were read.
    var varying: [String] { differing.sorted() }

    /// All settings of these runs.
    var names: [String] { Set(first.keys).union(differing).sorted() }

    /// A run's setting.
    ///
    /// - Parameters:
    ///   - name: The setting.
    ///   - differences: How the run differs from the first one.
    /// - Returns: Its value; nil if the run has none of that name.
    func value(of name: String, _ differences: Differences) -> JSONValue? { differences[name] ?? first[name] }
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
