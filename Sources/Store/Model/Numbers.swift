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

    fileprivate static func decode(_ json: String) throws -> [String: Double] {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode([String: Double].self, from: Data(json.utf8))
    }
}

/// Reads the texts of ``Numbers``, one after the other.
///
/// Jobs have tens of thousands of them, a decoder takes its time for each, and nearly all have the names of the one before.
struct NumbersReader {
    /// The names of the last text in their order, as they are written and as they are.
    private var names: [(written: [CChar], name: String)] = []

    mutating func parse(_ json: String?) throws -> [String: Double] {
        guard let json else { return [:] }
        if let plain = json.withCString({ plain($0) }) { return plain }
        return try Numbers.decode(json)
    }

    /// Reads `{"name":number,…}` as ``Numbers/json(_:)`` writes it; nil for anything else that JSON may hold.
    private mutating func plain(_ text: UnsafePointer<CChar>) -> [String: Double]? {
        var place = text
        func take(_ letter: Unicode.Scalar) -> Bool {
            guard place.pointee == CChar(bitPattern: UInt8(ascii: letter)) else { return false }
            place += 1
            return true
        }
        guard take("{") else { return nil }
        if take("}") { return place.pointee == 0 ? [:] : nil }
        var numbers: [String: Double] = [:]
        numbers.reserveCapacity(names.count)
        var count = 0
        repeat {
            guard take("\""), let name = name(count, at: &place), take(":"), let number = Self.number(at: &place) else {
                return nil
            }
            numbers[name] = number
            count += 1
        } while take(",")
        return take("}") && place.pointee == 0 ? numbers : nil
    }

    /// The name that begins at a place and ends with a quote, behind which the place is left.
    private mutating func name(_ number: Int, at place: inout UnsafePointer<CChar>) -> String? {
        if number < names.count {
            let known = names[number]
            let count = known.written.count
            // The known name holds no end of a text, so that nothing behind the text's own is looked at.
            if strncmp(place, known.written, count) == 0, place[count] == CChar(bitPattern: UInt8(ascii: "\"")) {
                place += count + 1
                return known.name
            }
        }
        let start = place
        var plain: [UInt8] = []
        while place.pointee != CChar(bitPattern: UInt8(ascii: "\"")) {
            if place.pointee == CChar(bitPattern: UInt8(ascii: "\\")) {
                // The only letter of names that is escaped.
                place += 1
                guard place.pointee == CChar(bitPattern: UInt8(ascii: "/")) else { return nil }
            }
            guard place.pointee != 0 else { return nil }
            plain.append(UInt8(bitPattern: place.pointee))
            place += 1
        }
        let written = Array(UnsafeBufferPointer(start: start, count: place - start))
        place += 1
        let name = String(decoding: plain, as: UTF8.self)
        if number < names.count { names[number] = (written, name) } else { names.append((written, name)) }
        return name
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
