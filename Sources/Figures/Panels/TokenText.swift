/// Pieces of text whose tokens are shaded by a number, such as a causal importance.
public struct TokenText: Codable, Sendable {
    /// A piece of text.
    public struct Line: Codable, Sendable {
        /// What it is of, such as a subcomponent; empty if the line before says it.
        public var name: String
        /// Its tokens.
        public var tokens: [String]
        /// Which of them it is about; nil for none.
        public var focus: Int?

        /// Creates a line.
        public init(name: String, tokens: [String], focus: Int? = nil) {
            self.name = name
            self.tokens = tokens
            self.focus = focus
        }
    }

    /// The title above it.
    public var title: String
    /// The pieces, each on its own line.
    public var lines: [Line]
    /// The number of each token, line after line, from 0 to 1.
    public var values: [Float]
    /// What the numbers are.
    public var valueLabel: String
    /// What the lines' names are.
    public var nameLabel: String

    /// Creates a text.
    public init(title: String, lines: [Line], values: [Float], valueLabel: String, nameLabel: String) {
        self.title = title
        self.lines = lines
        self.values = values
        self.valueLabel = valueLabel
        self.nameLabel = nameLabel
    }

    var arrays: [NumberArray] { [NumberArray(name: "values", shape: [values.count], values: values)] }

    /// The height of a line in points.
    private static let lineHeight = 13.0
    /// A token is shaded so far next to its letters.
    private static let margin = 1.5
    private static let longest = 24

    func sheet() -> Sheet {
        let nameWidth = max(
            lines.map { Label(text: $0.name, isBold: true).width }.max() ?? 0, Label(text: nameLabel).width)
        var sheet = Sheet(width: Label(text: title, size: TextSize.title).width + 4, height: 0)
        sheet.write(Label(text: title, size: TextSize.title, anchor: .start), 2, 8)
        sheet.write(Label(text: nameLabel, anchor: .start, color: .gray), 2, 22)
        sheet.write(
            Label(text: "shade: \(valueLabel), 0 white to 1 dark; framed: the place", anchor: .start, color: .gray),
            nameWidth + 10, 22)
        let colors = ColorMap.reds.table()
        var (y, number) = (29.0, 0)
        for line in lines {
            if !line.name.isEmpty {
                sheet.line(0, y, nameWidth + 4, y)
                sheet.write(
                    Label(text: line.name, anchor: .start, isBold: true), 2, y + Self.lineHeight / 2)
            }
            var x = nameWidth + 10
            var (places, told): ([Double], [Double]) = ([], [])
            for (index, token) in line.tokens.enumerated() {
                let value = values.indices.contains(number) ? values[number] : .nan
                number += 1
                let label = Label(text: Self.shortened(token))
                let box = Box(x: x, y: y + 1, width: label.width + 2 * Self.margin, height: Self.lineHeight - 2)
                let share = value.isNaN ? 0 : Double(min(max(value, 0), 1))
                let color = colors[Int((share * Double(colors.count - 1)).rounded())]
                if share > 0 { sheet.marks.append(.rectangle(box, fill: color, opacity: 1)) }
                if line.focus == index { sheet.frame(box) }
                var written = label
                written.color = share > 0.55 ? .white : .black
                sheet.write(written, box.middle.x, box.middle.y)
                places += [box.middle.x, box.middle.y]
                told += [Double(index), Double(value)]
                x = box.right + 1
            }
            sheet.areas.append(
                HoverArea(
                    .points, title: title, series: line.name.isEmpty ? "" : "\(nameLabel) \(line.name)", places: places,
                    xLabel: "Token", yLabel: valueLabel, xNames: line.tokens, values: told))
            sheet.width = max(sheet.width, x)
            y += Self.lineHeight
        }
        sheet.width = max(
            sheet.width,
            nameWidth + 10 + Label(text: "shade: \(valueLabel), 0 white to 1 dark; framed: the place").width)
        sheet.height = y + 4
        return sheet
    }

    /// A token as it can be written: spaces, ends of lines and what is too long are marked.
    private static func shortened(_ token: String) -> String {
        let shown = token.replacing("\n", with: "\u{21B5}").replacing("\t", with: " ")
        return shown.count > longest ? shown.prefix(longest - 1) + "\u{2026}" : shown
    }
}
