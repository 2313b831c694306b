/// The `settings` files that `wandb login --host` and `wandb offline` leave, read as Python's `configparser` does.
struct SettingsINI: Equatable {
    /// The values below `[default]`, by their names in lower case.
    private(set) var values: [String: DotEnvFile.Value] = [:]
    /// The lines that are no `name = value`, from 1.
    private(set) var badLines: [Int] = []

    init(_ text: String) {
        var isDefault = false
        // The name whose value continues in lines that are indented more.
        var open: (name: String, indent: Int)?
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.trimmingPrefix(while: \.isWhitespace)
            let indent = raw.count - line.count
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if let open, indent > open.indent {
                if isDefault { append(Self.trimmed(line), to: open.name) }
                continue
            }
            if line.hasPrefix("[") {
                isDefault = Self.trimmed(line) == "[default]"
                open = nil
                continue
            }
            guard let separator = line.firstIndex(where: { $0 == "=" || $0 == ":" }), separator > line.startIndex else {
                if isDefault { badLines.append(index + 1) }
                continue
            }
            let name = Self.trimmed(line[..<separator]).lowercased()
            open = (name, indent)
            let value = Self.trimmed(line[line.index(after: separator)...])
            if isDefault { values[name] = DotEnvFile.Value(text: value, line: index + 1) }
        }
    }

    private mutating func append(_ line: String, to name: String) {
        guard let value = values[name] else { return }
        values[name] = DotEnvFile.Value(text: value.text + "\n" + line, line: value.line)
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text.trimmingPrefix(while: \.isWhitespace))
    }
}
