package import JSON

/// The settings of many runs: those of the first, and of every other what differs from them.
struct RunSettings {
    private var first: [String: JSONValue] = [:]
    /// By run: what it has otherwise than the first one; nil for a setting that it lacks.
    private var differences: [[String: JSONValue?]] = []

    /// Reads configs.
    ///
    /// - Parameter configs: One for each run, as JSON texts.
    /// - Throws: `JSONError` for a text that is none.
    init(_ configs: some Sequence<String>) throws {
        for (index, text) in configs.enumerated() {
            let settings = try FlatConfig(text).settings
            if index == 0 { first = Dictionary(settings.map { ($0.name, $0.value) }) { $1 } }
            var different: [String: JSONValue?] = [:]
            var common = 0
            for setting in settings {
                guard let value = first[setting.name] else {
                    different[setting.name] = .some(setting.value)
                    continue
                }
                common += 1
                if value != setting.value { different[setting.name] = .some(setting.value) }
            }
            if common < first.count {
                let own = Set(settings.map(\.name))
                for name in first.keys where !own.contains(name) { different[name] = .some(nil) }
            }
            differences.append(different)
        }
    }

    /// The settings that are not the same in all runs.
    var varying: [String] { differences.reduce(into: Set<String>()) { $0.formUnion($1.keys) }.sorted() }

    /// All settings.
    var names: [String] { Set(first.keys).union(varying).sorted() }

    /// A run's setting; nil where it has none of that name.
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
    package init(_ json: String) throws { add(try JSONValue(parsing: json), at: "") }

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
