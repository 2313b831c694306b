/// Looks a machine's password up in netrc text.
enum NetrcFile {
    /// The password of the first entry of that machine, or of the `default` entry where it is nil.
    static func password(for machine: String?, in text: String) -> String? {
        var tokens = tokens(of: text)[...]
        var isWanted = false
        while let token = tokens.popFirst() {
            switch token {
            case "machine":
                let name = tokens.popFirst()
                isWanted = machine != nil && name == machine
            case "default": isWanted = machine == nil
            case "login", "account": _ = tokens.popFirst()
            case "password":
                guard let password = tokens.popFirst() else { return nil }
                if isWanted { return password }
            default: continue
            }
        }
        return nil
    }

    /// The machines that have an entry, in order.
    static func machines(in text: String) -> [String] {
        let tokens = tokens(of: text)
        return zip(tokens, tokens.dropFirst()).filter { $0.0 == "machine" }.map(\.1)
    }

    /// Words outside comments and macro definitions (which run to the next empty line).
    private static func tokens(of text: String) -> [String] {
        var tokens: [String] = []
        var inMacro = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.isEmpty { inMacro = false }
            if inMacro { continue }
            for word in words {
                if word.hasPrefix("#") { break }
                if word == "macdef" {
                    inMacro = true
                    break
                }
                let isQuoted = word.count > 1 && (word.first == "\"" || word.first == "'") && word.first == word.last
                tokens.append(String(isQuoted ? word.dropFirst().dropLast() : word))
            }
        }
        return tokens
    }
}
