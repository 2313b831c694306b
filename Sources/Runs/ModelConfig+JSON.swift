import JSON
import Kernels

extension ModelConfig {
    /// Reads the text of a `config.json`.
    ///
    /// - Throws: `RunError.invalid` for what is not a JSON object.
    init(json text: String, source: String) throws(RunError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw .invalid("\(source): \(error)")
        }
        guard case .map(let values) = Value(value) else {
            throw .invalid("\(source) should be an object of settings")
        }
        self.init(values)
    }
}

extension ModelConfig.Value {
    /// A parsed JSON value.
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .number(let literal): self = .number(Double(literal) ?? .nan)
        case .string(let text): self = .text(text)
        case .array(let elements): self = .list(elements.map(Self.init))
        case .object(let members):
            self = .map(Dictionary(members.map { ($0.name, Self($0.value)) }, uniquingKeysWith: { first, _ in first }))
        }
    }
}
