import Artifacts
import Foundation

/// Rows of text in aligned columns.
package struct TextTable {
    package enum Alignment: Sendable { case left, right }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[Cell]] = []

    /// Text with a colour for terminals.
    package struct Cell: ExpressibleByStringInterpolation, Sendable {
        package let text: String
        package let color: TextColor?
        /// How many columns the text takes.
        let width: Int

        package init(_ text: String, _ color: TextColor? = nil) {
            self.text = text
            self.color = color
            width = text.columnCount
        }

        package init(stringLiteral text: String) { self.init(text) }
    }

    package init(_ columns: [(title: String, alignment: Alignment)]) {
        self.columns = columns
    }

    package mutating func add(_ row: [Cell]) { rows.append(row) }

    /// The lines, the titles first; columns that are empty everywhere are left out.
    package func lines(_ style: TerminalStyle) -> [String] {
        let rows = rows
        let used = columns.indices.filter { column in rows.contains { !$0[column].text.isEmpty } }
        let widths = used.map { column in
            rows.reduce(columns[column].title.columnCount) { max($0, $1[column].width) }
        }
        @Sendable func line(_ cells: [Cell]) -> String {
            var text = ""
            // Blanks are written once something follows them.
            var blanks = 0
            for (column, width) in zip(used, widths) {
                let cell = cells[column]
                let padding = width - cell.width
                let isRight = columns[column].alignment == .right
                if isRight { blanks += padding }
                if !cell.text.isEmpty {
                    text += String(repeating: " ", count: blanks)
                    text += style.paint(cell.text, cell.color)
                    blanks = 0
                }
                blanks += isRight ? 2 : padding + 2
            }
            return text
        }
        return [line(columns.map { Cell($0.title, .bold) })] + AllCores.map(rows.indices) { rows[$0].map(line) }
    }
}

extension String {
    /// How many columns a text takes: its characters.
    var columnCount: Int {
        // Finding where characters end takes long, and nearly all texts are ASCII, where only \r\n is a character of two.
        let isPlain = { (bytes: UnsafeBufferPointer<UInt8>) in
            bytes.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "\r") }
        }
        return utf8.withContiguousStorageIfAvailable(isPlain) == true ? utf8.count : count
    }
}

/// What colours mean on a terminal.
package enum TextColor: String, Sendable {
    case bold = "1"
    case green = "32"
    case yellow = "33"
    case red = "31"
    case dim = "2"
}

/// Whether text is for a terminal that shows colours.
package struct TerminalStyle: Sendable {
    package let isColored: Bool

    package init(isColored: Bool) {
        self.isColored = isColored
    }

    /// Colours only for a terminal, and not for users who have asked for none (https://no-color.org).
    package static func forStandardOutput(environment: [String: String]) -> TerminalStyle {
        let dumb = environment["TERM"] == "dumb" || !(environment["NO_COLOR"] ?? "").isEmpty
        return TerminalStyle(isColored: Terminal.isStandardOutput && !dumb)
    }

    package func paint(_ text: String, _ color: TextColor?) -> String {
        guard isColored, let color, !text.isEmpty else { return text }
        return "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m"
    }
}

/// The terminal, if standard output is one.
package enum Terminal {
    package static var isStandardOutput: Bool { isatty(1) == 1 }

    /// Whether somebody can be asked, and can answer.
    package static var isDialogue: Bool { isatty(0) == 1 && isatty(2) == 1 }

    /// Shows on a terminal what takes a moment, replacing the last such message; in a log it would be noise.
    package static func showMeanwhile(_ text: String) {
        guard isatty(2) == 1 else { return }
        StandardStreams.writeError("\r\u{1B}[K\(text)")
    }

    /// Its lines and columns.
    package static var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// A line that doesn't wrap; colour codes take no room.
    ///
    /// What is cut off ends in `…`: part of a number looks like one.
    package static func cut(_ line: String, to columns: Int) -> String {
        let whole = part(line, of: columns)
        return whole ?? (part(line, of: columns - 1, isCut: true) ?? "")
    }

    /// A line if it has no more characters than that, or this many of its first ones.
    private static func part(_ line: String, of columns: Int, isCut: Bool = false) -> String? {
        var width = 0
        var inCode = false
        var result = ""
        for character in line {
            if character == "\u{1B}" { inCode = true }
            if !inCode {
                width += 1
                if width > columns { return isCut ? result + "…\u{1B}[0m" : nil }
            }
            result.append(character)
            if inCode, character == "m" { inCode = false }
        }
        return result
    }
}
