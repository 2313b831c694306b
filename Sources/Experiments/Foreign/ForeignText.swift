/// Texts that are not YAML at all, recognised by their beginning.
enum ForeignText {
    /// The kind of a text in which no keys were found; nil if unknown.
    static func kind(of text: String) -> String? {
        let start = text.prefix(200).lowercased()
        if start.hasPrefix("version https://git-lfs") {
            return "this is a Git LFS pointer, not the file itself; run git lfs pull where it comes from"
        }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") {
            return "this is a web page, not a YAML file"
        }
        if start.hasPrefix("<?xml") { return "this is an XML file, not a YAML file" }
        // Reports a single invisible character with its place.
        let beginning = text.unicodeScalars.prefix(1000)
        let odd = beginning.count { $0.value < 0x20 && !"\t\n\r\u{C}".unicodeScalars.contains($0) }
        let hasBytes = odd > 2 || beginning.contains("\0")
        if hasBytes || start.hasPrefix("%pdf") { return "this is a file of bytes, not of text" }
        let lines = text.split(whereSeparator: \.isNewline).prefix(50).map { $0.trimming(while: \.isWhitespace) }
            .filter { !$0.isEmpty }
        return program(lines) ?? settings(lines) ?? records(lines) ?? table(lines)
    }

    private static func program(_ lines: [Substring]) -> String? {
        let isProgram =
            lines.first?.hasPrefix("#!") == true
            || lines.contains { $0.prefixMatch(of: /import \w|from [\w.]+ import |def \w+\(|#SBATCH\s/) != nil }
        return isProgram ? "this is a program, not a YAML file" : nil
    }

    private static func settings(_ lines: [Substring]) -> String? {
        let own = lines.filter { !$0.hasPrefix("#") && !$0.hasPrefix(";") }
        let sections = own.count { $0.wholeMatch(of: /\[\[?[\w."' -]+\]\]?(\s*#.*)?/) != nil }
        let values = own.count { $0.prefixMatch(of: /["']?[\w.-]+["']?\s*=[^=]/) != nil }
        guard values > 0, (sections + values) * 2 > own.count else { return nil }
        return "this is a TOML or INI file, not a YAML file, in which it is 'name: value' and 'section:' above lines "
            + "that are set in"
    }

    private static func records(_ lines: [Substring]) -> String? {
        guard lines.count > 1, lines.allSatisfy({ $0.hasPrefix("{") && $0.hasSuffix("}") }) else { return nil }
        return "these are lines of JSON, each a separate value, not one YAML or JSON file"
    }

    private static func table(_ lines: [Substring]) -> String? {
        // What YAML's own marks stand in is YAML with a mistake.
        guard !lines.contains(where: { $0.contains(where: "[]{}".contains) || $0.contains(": ") || $0.hasSuffix(":") })
        else { return nil }
        for separator in [",", ";", "\t"] as [Character] {
            let counts = Set(lines.map { line in line.count { $0 == separator } })
            guard lines.count > 1, counts.count == 1, counts != [0] else { continue }
            return
                "this is a table (CSV), not a YAML file; what a row holds stands below 'zip:' in a sweep file, a list "
                + "of values for each column"
        }
        return nil
    }
}

extension Substring {
    fileprivate func trimming(while isTrimmed: (Character) -> Bool) -> Substring {
        let start = drop(while: isTrimmed)
        return start.lastIndex { !isTrimmed($0) }.map { start[...$0] } ?? start.prefix(0)
    }
}
