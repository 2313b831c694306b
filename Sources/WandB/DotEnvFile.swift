import Foundation

/// Reads the `KEY=VALUE` lines of a `.env` file: comments, `export`, single and double quotes.
enum DotEnvFile {
    /// The file's settings, or none where there is no such file.
    static func read(_ path: String) throws(WandBSettingsError) -> [String: String] {
        guard let text = try SettingsFile.text(path) else { return [:] }
        return try parse(text, path: path)
    }

    static func parse(_ text: String, path: String) throws(WandBSettingsError) -> [String: String] {
        var settings: [String: String] = [:]
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var line = trimmed(raw)
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("export ") { line = trimmed(line.dropFirst("export ".count)) }
            guard let equals = line.firstIndex(of: "=") else {
                throw .badLine(path: path, line: index + 1)
            }
            let key = trimmed(line[..<equals])
            guard !key.isEmpty, !key.contains(where: \.isWhitespace) else {
                throw .badLine(path: path, line: index + 1)
            }
            guard let value = value(trimmed(line[line.index(after: equals)...])) else {
                throw .badLine(path: path, line: index + 1)
            }
            settings[String(key)] = value
        }
        return settings
    }

    /// A value without its quotes, or nil where a quote is left open.
    private static func value(_ text: Substring) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            // Outside quotes a comment starts at " #".
            let end = text.range(of: " #")?.lowerBound ?? text.endIndex
            return String(trimmed(text[..<end]))
        }
        var value = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote { return value }
            guard character == "\\", quote == "\"", let escaped = rest.popFirst() else {
                value.append(character)
                continue
            }
            value.append(escaped == "n" ? "\n" : escaped == "t" ? "\t" : escaped)
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}

/// Reads small text files that may be absent.
enum SettingsFile {
    static func text(_ path: String) throws(WandBSettingsError) -> String? {
        do {
            return String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return nil
        } catch {
            throw .unreadableFile(path: path, reason: (error as NSError).localizedDescription)
        }
    }
}
