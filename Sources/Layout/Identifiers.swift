/// The number of a job, as users type it.
public struct JobID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int64

    /// Wraps a job's number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The number as users type it.
    public var description: String { String(rawValue) }
}

/// The name of a run in every place that knows it: the state file, its folder, Weights & Biases.
///
/// Eight lowercase letters and digits, as W&B makes them.
public struct RunID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The name.
    public let rawValue: String

    /// Wraps a run's name; `nil` unless it is eight lowercase letters and digits.
    public init?(rawValue: String) {
        guard rawValue.utf8.count == Self.length, rawValue.utf8.allSatisfy(Self.isOfAlphabet) else {
            return nil
        }
        self.rawValue = rawValue
    }

    /// A new name, drawn from `generator`.
    public static func random(using generator: inout some RandomNumberGenerator) -> RunID {
        RunID(drawnFrom: &generator)
    }

    /// The name.
    public var description: String { rawValue }

    private init(drawnFrom generator: inout some RandomNumberGenerator) {
        // One number for all of them: the system's generator is asked through the kernel each time.
        var number = generator.next()
        rawValue = String(
            decoding: (0..<Self.length).map { _ in
                let (rest, letter) = number.quotientAndRemainder(dividingBy: UInt64(Self.alphabet.count))
                number = rest
                return Self.alphabet[Int(letter)]
            }, as: UTF8.self)
    }

    /// Lists read ten thousand names: two comparisons take less time than a search in the alphabet.
    private static func isOfAlphabet(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    private static let length = 8
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
}
