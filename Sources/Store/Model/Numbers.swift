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
        // Jobs have tens of thousands of these texts, and a decoder takes its time for each.
        if let plain = json.withCString(plain) { return plain }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode([String: Double].self, from: Data(json.utf8))
    }

    /// Reads `{"name":number,…}` as ``json(_:)`` writes it; nil for anything else that JSON may hold.
    private static func plain(_ text: UnsafePointer<CChar>) -> [String: Double]? {
        var place = text
        func take(_ letter: Unicode.Scalar) -> Bool {
            guard place.pointee == CChar(bitPattern: UInt8(ascii: letter)) else { return false }
            place += 1
            return true
        }
        var numbers: [String: Double] = [:]
        guard take("{") else { return nil }
        if take("}") { return place.pointee == 0 ? numbers : nil }
        repeat {
            guard take("\"") else { return nil }
            var name: [UInt8] = []
            while !take("\"") {
                // The only letter of names that is escaped.
                if take("\\"), place.pointee != CChar(bitPattern: UInt8(ascii: "/")) { return nil }
                guard place.pointee != 0 else { return nil }
                name.append(UInt8(bitPattern: place.pointee))
                place += 1
            }
            guard take(":"), let number = number(at: &place) else { return nil }
            numbers[String(decoding: name, as: UTF8.self)] = number
        } while take(",")
        return take("}") && place.pointee == 0 ? numbers : nil
    }

    private static func number(at place: inout UnsafePointer<CChar>) -> Double? {
        let length = strspn(place, "+-.0123456789eE")
        var end: UnsafeMutablePointer<CChar>?
        let number = strtod(place, &end)
        // What C takes for a number and JSON does not, such as "inf" or "0x1", has other letters.
        guard length > 0, let end, UnsafePointer(end) == place + length else { return nil }
        place += length
        return number
    }
}
