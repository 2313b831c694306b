import Foundation

/// Numbers by their names, such as a run's metrics.
///
/// Jobs have tens of thousands of them, and nearly all have the names of the one before, which they share: to make one
/// costs an array of numbers, where a dictionary would hash every name.
public struct NamedNumbers: Sendable {
    /// The names, none twice.
    public let names: [String]
    /// The numbers in the order of their names.
    public let values: [Double]

    /// Numbers from a dictionary, by name.
    public init(_ numbers: [String: Double] = [:]) {
        let sorted = numbers.sorted { $0.key < $1.key }
        self.init(names: sorted.map(\.key), values: sorted.map(\.value))
    }

    fileprivate init(names: [String], values: [Double]) {
        self.names = names
        self.values = values
    }

    /// The number of that name.
    public subscript(name: String) -> Double? { names.firstIndex(of: name).map { values[$0] } }

    /// The same as a dictionary.
    public var dictionary: [String: Double] { Dictionary(zip(names, values), uniquingKeysWith: { $1 }) }
}

extension NamedNumbers: RandomAccessCollection {
    /// The place of the first number.
    public var startIndex: Int { 0 }
    /// The place after the last number.
    public var endIndex: Int { names.count }
    /// The name and number at a place.
    public subscript(position: Int) -> (key: String, value: Double) { (names[position], values[position]) }
}

extension NamedNumbers: Equatable {
    /// Whether the same names have the same numbers, in whatever order.
    public static func == (one: NamedNumbers, other: NamedNumbers) -> Bool {
        one.names == other.names ? one.values == other.values : one.dictionary == other.dictionary
    }
}

extension NamedNumbers: ExpressibleByDictionaryLiteral {
    /// Numbers written out with their names.
    public init(dictionaryLiteral elements: (String, Double)...) {
        self.init(Dictionary(uniqueKeysWithValues: elements))
    }
}

/// Which of the runs' losses and metrics are read: jobs have many times more of them than of all else.
public enum WantedNumbers: Sendable {
    /// Every one.
    case all
    /// Those of such names.
    case named(@Sendable (_ name: String) -> Bool)
    /// None.
    case none

    /// Whether those of a name are wanted.
    func contains(_ name: String) -> Bool {
        switch self {
        case .all: true
        case .named(let isWanted): isWanted(name)
        case .none: false
        }
    }
}

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
/// Nearly all have the names of the one before, so a name is only compared.
struct NumbersReader {
    private let wanted: WantedNumbers
    /// The names of the last text in their order.
    private var names: [String] = []
    /// The same as they are written.
    private var written: [[CChar]] = []
    /// Which of them are wanted.
    private var isWanted: [Bool] = []
    /// The wanted ones among the first so many names.
    private var kept: (among: Int, names: [String]) = (0, [])

    /// Reads the numbers that are wanted; of others, only where they end.
    init(_ wanted: WantedNumbers = .all) { self.wanted = wanted }

    mutating func parse(_ json: String?) throws -> NamedNumbers {
        guard let json else { return [:] }
        if let plain = json.withCString({ plain($0) }) { return plain }
        return NamedNumbers(try Numbers.decode(json).filter { wanted.contains($0.key) })
    }

    /// Reads `{"name":number,…}` as ``Numbers/json(_:)`` writes it; nil for anything else that JSON may hold.
    private mutating func plain(_ text: UnsafePointer<CChar>) -> NamedNumbers? {
        var place = text
        func take(_ letter: Unicode.Scalar) -> Bool {
            guard place.pointee == CChar(bitPattern: UInt8(ascii: letter)) else { return false }
            place += 1
            return true
        }
        guard take("{") else { return nil }
        if take("}") { return place.pointee == 0 ? [:] : nil }
        var values: [Double] = []
        values.reserveCapacity(kept.names.count)
        var count = 0
        repeat {
            guard take("\""), takeName(count, at: &place), take(":") else { return nil }
            if isWanted[count] {
                guard let number = Self.number(at: &place) else { return nil }
                values.append(number)
            } else {
                let length = Self.length(of: place)
                guard length > 0 else { return nil }
                place += length
            }
            count += 1
        } while take(",")
        guard take("}"), place.pointee == 0 else { return nil }
        if kept.among != count { kept = (count, zip(names, isWanted).prefix(count).filter(\.1).map(\.0)) }
        return NamedNumbers(names: kept.names, values: values)
    }

    /// Reads the name that begins at a position and ends with a quote, leaving the position after it.
    private mutating func takeName(_ number: Int, at place: inout UnsafePointer<CChar>) -> Bool {
        if number < names.count {
            let count = written[number].count
            // The known name contains no terminator, so nothing after the text's own is read.
            if strncmp(place, written[number], count) == 0, place[count] == CChar(bitPattern: UInt8(ascii: "\"")) {
                place += count + 1
                return true
            }
        }
        let start = place
        var plain: [UInt8] = []
        while place.pointee != CChar(bitPattern: UInt8(ascii: "\"")) {
            if place.pointee == CChar(bitPattern: UInt8(ascii: "\\")) {
                // The only character of names that is escaped.
                place += 1
                guard place.pointee == CChar(bitPattern: UInt8(ascii: "/")) else { return false }
            }
            guard place.pointee != 0 else { return false }
            plain.append(UInt8(bitPattern: place.pointee))
            place += 1
        }
        let name = String(decoding: plain, as: UTF8.self)
        names.replaceSubrange(number..., with: [name])
        isWanted.replaceSubrange(number..., with: [wanted.contains(name)])
        kept = (0, [])
        written.replaceSubrange(number..., with: [Array(UnsafeBufferPointer(start: start, count: place - start))])
        place += 1
        return true
    }

    private static func length(of number: UnsafePointer<CChar>) -> Int { strspn(number, "+-.0123456789eE") }

    private static func number(at place: inout UnsafePointer<CChar>) -> Double? {
        let length = length(of: place)
        var end: UnsafeMutablePointer<CChar>?
        let number = strtod(place, &end)
        // What C takes for a number and JSON does not, such as "inf" or "0x1", has other letters.
        guard length > 0, let end, UnsafePointer(end) == place + length else { return nil }
        place += length
        return number
    }
}
