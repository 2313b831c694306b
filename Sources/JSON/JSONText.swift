public import Foundation

/// How reports become JSON text: snake-case keys, sorted; `"nan"` and `"inf"` where JSON has no word.
public enum JSONText {
    /// Indented text for people and programs, with a line break at its end.
    public static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try encoder([.prettyPrinted]).encode(value), as: UTF8.self) + "\n"
    }

    /// One line, without a line break.
    public static func line(_ value: some Encodable) throws -> String {
        String(decoding: try encoder([]).encode(value), as: UTF8.self)
    }

    /// Reads what ``encode(_:)`` or ``line(_:)`` wrote, or a program that names members as they do.
    ///
    /// - Throws: `DecodingError` for text that is none, or another value.
    public static func decode<Value: Decodable>(_ text: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Value.self, from: text)
    }

    private static func encoder(_ formatting: JSONEncoder.OutputFormatting) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }
}
