/// A netrc file's entries, read as Python's `netrc` does, which W&B's client uses; a word that it would stumble over is
/// skipped.
struct NetrcFile: Equatable {
    /// The machines that have an entry, in order; nil is the entry for every other machine.
    private(set) var machines: [String?] = []
    private var passwords: [String?: String] = [:]

    init(_ text: String) {
        var lexer = NetrcLexer(text)
        var machine: String?
        while let word = lexer.word() {
            switch word.text {
            case _ where word.text.hasPrefix("#") && !word.isQuoted: lexer.skipLine()
            case "machine", "default":
                machine = word.text == "machine" ? lexer.word()?.text : nil
                if !machines.contains(machine) { machines.append(machine) }
            case "macdef": lexer.skipMacro()
            case "login", "user", "account": _ = lexer.word()
            case "password" where !machines.isEmpty: passwords[machine] = lexer.word()?.text
            default: continue
            }
        }
    }

    /// The password for a machine, or that for every other machine where it is nil.
    func password(for machine: String?) -> String? {
        passwords[machine].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// All passwords.
    var allPasswords: [String] { Array(passwords.values) }
}

/// Words, in double quotes or not, with backslashes before what would end them.
private struct NetrcLexer {
    struct Word {
        let text: String
        let isQuoted: Bool
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func word() -> Word? {
        while position < scalars.count, Self.isSpace(scalars[position]) { position += 1 }
        guard position < scalars.count else { return nil }
        // W&B's client quotes as shells do, so a single quote is one too.
        let quote = [scalars[position]].first { $0 == "\"" || $0 == "'" }
        if quote != nil { position += 1 }
        var text = String.UnicodeScalarView()
        while position < scalars.count {
            var scalar = scalars[position]
            if let quote, scalar == quote {
                position += 1
                break
            }
            if quote == nil, Self.isSpace(scalar) { break }
            if scalar == "\\", quote != "'", position + 1 < scalars.count {
                position += 1
                scalar = scalars[position]
            }
            text.append(scalar)
            position += 1
        }
        return Word(text: String(text), isQuoted: quote != nil)
    }

    /// A macro runs to the next empty line.
    mutating func skipMacro() {
        skipLine()
        while position < scalars.count {
            let start = position
            skipLine()
            if scalars[start..<position].allSatisfy(Self.isSpace) { return }
        }
    }

    mutating func skipLine() {
        while position < scalars.count, scalars[position] != "\n" { position += 1 }
        position = min(position + 1, scalars.count)
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
    }
}
