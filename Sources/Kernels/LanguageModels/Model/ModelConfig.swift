/// The settings of a model's `config.json`, as its parser hands them over.
public struct ModelConfig: Equatable, Sendable {
    /// One setting.
    public indirect enum Value: Equatable, Sendable {
        case null
        case bool(Bool)
        case number(Double)
        case text(String)
        case list([Value])
        case map([String: Value])
    }

    /// The settings by their keys.
    public var values: [String: Value]

    /// Creates a config.
    public init(_ values: [String: Value]) {
        self.values = values
    }
}

/// Why a model's config is refused.
public struct ModelConfigError: Error, Equatable, CustomStringConvertible {
    /// One readable line: the key, what was expected and what there is.
    public let description: String

    /// Creates an error.
    public init(_ description: String) {
        self.description = description
    }
}

extension ModelConfig.Value: CustomStringConvertible {
    /// The value as JSON, near enough for a message.
    public var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let value): value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
        case .text(let text): "\"\(text)\""
        case .list(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        case .map(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
        }
    }
}

/// Typed access: a key that is absent or null has its default, one of another type is refused.
extension ModelConfig {
    private func value(_ key: String) -> Value? {
        guard let value = values[key], value != .null else { return nil }
        return value
    }

    private func wrong(_ key: String, _ expected: String) -> ModelConfigError {
        ModelConfigError("\(key) should be \(expected), but it is \(values[key] ?? .null)")
    }

    /// Whether the key is present, even if null.
    func has(_ key: String) -> Bool { values[key] != nil }

    /// A whole number of at least 1; nil if the key is absent or null.
    func count(_ key: String) throws(ModelConfigError) -> Int? {
        guard let value = value(key) else { return nil }
        guard case .number(let number) = value, let count = Int(exactly: number), count > 0, count < 1 << 31 else {
            throw wrong(key, "a whole number of at least 1")
        }
        return count
    }

    /// A whole number of at least 1 that has no default.
    func required(_ key: String) throws(ModelConfigError) -> Int {
        guard let count = try count(key) else {
            throw ModelConfigError("\(key) is missing; it should be a whole number of at least 1")
        }
        return count
    }

    func number(_ key: String) throws(ModelConfigError) -> Double? {
        guard let value = value(key) else { return nil }
        guard case .number(let number) = value, number.isFinite else { throw wrong(key, "a number") }
        return number
    }

    func flag(_ key: String) throws(ModelConfigError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .bool(let flag) = value else { throw wrong(key, "true or false") }
        return flag
    }

    func text(_ key: String) throws(ModelConfigError) -> String? {
        guard let value = value(key) else { return nil }
        guard case .text(let text) = value else { throw wrong(key, "a string") }
        return text
    }

    func list(_ key: String) throws(ModelConfigError) -> [Value]? {
        guard let value = value(key) else { return nil }
        guard case .list(let list) = value else { throw wrong(key, "a list") }
        return list
    }

    func map(_ key: String) throws(ModelConfigError) -> ModelConfig? {
        guard let value = value(key) else { return nil }
        guard case .map(let map) = value else { throw wrong(key, "an object") }
        return ModelConfig(map)
    }
}
