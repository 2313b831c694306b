/// The statements of a file named `.env`, read as python-dotenv reads them.
///
/// That means `export`, quotes, values over several lines, comments and `${NAME:-default}`; what is no statement, such
/// as another tool's line, is skipped.
struct DotEnvFile: Equatable {
    /// The value of each name, the last one if there are several, and its line.
    private(set) var values: [String: Value] = [:]
    /// The lines that hold no statement, from 1.
    private(set) var badLines: [Int] = []

    struct Value: Equatable {
        let text: String
        let line: Int
    }

    /// Reads a file's text, whose lines end in LF.
    ///
    /// - Parameters:
    ///   - text: the file's text.
    ///   - environment: the variables that `${NAME}` means first; then come those that stand further up.
    init(_ text: String, environment: [String: String]) {
        var reader = DotEnvReader(text)
        while let statement = reader.next() {
            switch statement {
            case .bad(let line): badLines.append(line)
            case .comment: break
            // A name alone means that it has no value, whatever stands further up.
            case .name(let name): values[name] = nil
            case .assignment(let name, let text, let line):
                let value = DotEnvReader.expanded(text) { environment[$0] ?? values[$0]?.text }
                values[name] = Value(text: value, line: line)
            }
        }
    }
}

/// Reads one statement after the other, as python-dotenv's parser does.
private struct DotEnvReader {
    enum Statement {
        case assignment(name: String, value: String, line: Int)
        /// A name without a value.
        case name(String)
        case comment
        case bad(line: Int)
    }

    private struct NoStatement: Error {}

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var line = 1

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// The next statement, or nil at the end.
    mutating func next() -> Statement? {
        skip { $0.isSpace }
        guard peek != nil else { return nil }
        let start = line
        do throws(NoStatement) {
            return try statement(line: start)
        } catch {
            skip { $0 != "\n" }
            advance()
            return .bad(line: start)
        }
    }

    private mutating func statement(line: Int) throws(NoStatement) -> Statement {
        skipExport()
        let name = try name()
        skip { $0.isBlank }
        var value: String?
        if peek == "=" {
            advance()
            let isApart = peek?.isBlank == true
            skip { $0.isBlank }
            value = isApart && peek == "#" ? "" : try self.value()
        }
        skip { $0.isBlank }
        if peek == "#" { skip { $0 != "\n" } }
        guard peek == nil || peek == "\n" else { throw NoStatement() }
        advance()
        guard let name else { return .comment }
        return value.map { .assignment(name: name, value: $0, line: line) } ?? .name(name)
    }

    private mutating func skipExport() {
        let word = Array("export".unicodeScalars)
        let end = position + word.count
        guard end < scalars.count, scalars[position..<end].elementsEqual(word), scalars[end].isBlank else { return }
        position = end
        skip { $0.isBlank }
    }

    /// A name, or nil if a comment starts.
    private mutating func name() throws(NoStatement) -> String? {
        switch peek {
        case "#": return nil
        case "'":
            guard let end = scalars[(position + 1)...].firstIndex(of: "'"), end > position + 1 else {
                throw NoStatement()
            }
            let name = take(until: end).dropFirst()
            advance()
            return String(name)
        default:
            let name = take { $0 != "=" && $0 != "#" && !$0.isSpace }
            // No variable can have that name: a file with zero bytes was not written as text.
            guard !name.isEmpty, !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            else { throw NoStatement() }
            return name
        }
    }

    private mutating func value() throws(NoStatement) -> String {
        switch peek {
        case "'": return try quoted("'", escapes: ["\\": "\\", "'": "'"])
        case "\"":
            let escapes: [Unicode.Scalar: Unicode.Scalar] = [
                "\\": "\\", "'": "'", "\"": "\"", "a": "\u{07}", "b": "\u{08}", "f": "\u{0C}", "n": "\n", "r": "\r",
                "t": "\t", "v": "\u{0B}",
            ]
            return try quoted("\"", escapes: escapes)
        default: return Self.withoutComment(take { $0 != "\n" })
        }
    }

    private mutating func quoted(
        _ quote: Unicode.Scalar, escapes: [Unicode.Scalar: Unicode.Scalar]
    ) throws(NoStatement) -> String {
        var value = String.UnicodeScalarView()
        var index = position + 1
        while index < scalars.count, scalars[index] != quote {
            guard scalars[index] == "\\" else {
                value.append(scalars[index])
                index += 1
                continue
            }
            guard index + 1 < scalars.count else { throw NoStatement() }
            if let escaped = escapes[scalars[index + 1]] {
                value.append(escaped)
            } else {
                value.append(contentsOf: scalars[index...index + 1])
            }
            index += 2
        }
        guard index < scalars.count else { throw NoStatement() }
        _ = take(until: index + 1)
        return String(value)
    }

    /// Outside quotes a comment starts at a `#` after white space.
    private static func withoutComment(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var end = scalars.indices.dropFirst().first { scalars[$0] == "#" && scalars[$0 - 1].isSpace } ?? scalars.count
        while end > 0, scalars[end - 1].isSpace { end -= 1 }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[..<end])
        return String(view)
    }

    private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func advance() {
        if peek == "\n" { line += 1 }
        position = min(position + 1, scalars.count)
    }

    private mutating func skip(while isWanted: (Unicode.Scalar) -> Bool) {
        while let scalar = peek, isWanted(scalar) { advance() }
    }

    private mutating func take(while isWanted: (Unicode.Scalar) -> Bool) -> String {
        take(until: scalars[position...].firstIndex { !isWanted($0) } ?? scalars.count)
    }

    private mutating func take(until end: Int) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[position..<end])
        while position < end { advance() }
        return String(view)
    }

    /// A text with the values of its `${NAME}` and `${NAME:-default}`.
    static func expanded(_ text: String, value: (String) -> String?) -> String {
        text.replacing(/\$\{([^}:]*)(?::-([^}]*))?\}/) { match in
            value(String(match.output.1)) ?? match.output.2.map(String.init) ?? ""
        }
    }
}

extension Unicode.Scalar {
    /// What Python considers white space.
    fileprivate var isSpace: Bool { properties.isWhitespace || ("\u{1C}"..."\u{1F}").contains(self) }
    /// White space within a line.
    fileprivate var isBlank: Bool { isSpace && self != "\n" && self != "\r" }
}
