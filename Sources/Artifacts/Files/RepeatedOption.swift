/// An option that a command line gives two values: parsers take the last one silently.
public struct RepeatedOption: Sendable, Equatable, CustomStringConvertible {
    /// The option, with its dashes.
    public let name: String
    /// Its values, in the order of the command line.
    public let values: [String]

    /// Finds the first such option.
    ///
    /// - Parameters:
    ///   - arguments: The command line, without the program's name.
    ///   - repeatable: Options that add up when they are given again.
    ///   - takingAnything: Options whose value may look like an option.
    public init?(in arguments: [String], repeatable: Set<String> = [], takingAnything: Set<String> = []) {
        var values: [String: String] = [:]
        var switches: Set<String> = []
        var rest = arguments[...]
        while let argument = rest.popFirst(), argument != "--" {
            guard Self.isOption(argument) else { continue }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // An option of several words is taken with underscores as well.
            let name = String(parts[0].map { $0 == "_" ? "-" : $0 })
            let value: String? =
                if parts.count > 1 {
                    String(parts[1])
                } else if takingAnything.contains(name) {
                    rest.popFirst()
                } else {
                    rest.first.flatMap { Self.isOption($0) ? nil : $0 }
                }
            guard let value, !repeatable.contains(name) else {
                // A switch may be given twice, but not both ways.
                let positive = name.hasPrefix("--no-") ? "--" + name.dropFirst(5) : name
                let negative = "--no-" + positive.dropFirst(2)
                switches.insert(name)
                guard !switches.isSuperset(of: [positive, negative]) else {
                    self.name = positive
                    self.values = [positive, negative]
                    return
                }
                continue
            }
            if let other = values.updateValue(value, forKey: name) {
                self.name = name
                self.values = [other, value]
                return
            }
        }
        return nil
    }

    /// One readable line.
    public var description: String {
        "\(name) is given twice, as \(values.map { "'\($0)'" }.joined(separator: " and ")); keep one"
    }

    /// Whether an argument begins an option, as parsers see it: a dash and a letter.
    public static func isOption(_ argument: String) -> Bool {
        let name = argument.drop { $0 == "-" }
        return (1...2).contains(argument.count - name.count) && name.utf8.first.map(isLetter) ?? false
            && !name.contains("\n")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
