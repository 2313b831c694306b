import Foundation

/// Named numbers as JSON text; what JSON has no word for is a string (`"nan"`, `"inf"`, `"-inf"`).
enum Numbers {
    static func json(_ numbers: [String: Double]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(numbers), as: UTF8.self)
    }

    static func parse(_ json: String?) throws -> [String: Double] {
        guard let json else { return [:] }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode([String: Double].self, from: Data(json.utf8))
    }
}
