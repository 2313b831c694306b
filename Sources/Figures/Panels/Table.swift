/// Words and numbers in rows.
public struct Table: Codable, Sendable {
    /// The title above it.
    public var title: String
    /// The names of the columns.
    public var columns: [String]
    /// The cells, as written.
    public var rows: [[String]]
    /// The numbers behind the cells, with all their digits.
    public var numbers: [Numbers] {
        get { known ?? [] }
        set { known = newValue.isEmpty ? nil : newValue }
    }
    /// Nil if there are none: files of before have none.
    private var known: [Numbers]?

    /// Named numbers of a table's.
    public struct Numbers: Codable, Sendable {
        /// What they are.
        public var name: String
        /// The length of each dimension.
        public var shape: [Int]
        /// The numbers, row after row.
        public var values: [Float]

        /// Names numbers, row after row.
        public init(_ name: String, shape: [Int], values: [Float]) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// Creates a table.
    public init(title: String, columns: [String], rows: [[String]], numbers: [Numbers] = []) {
        self.title = title
        self.columns = columns
        self.rows = rows
        known = numbers.isEmpty ? nil : numbers
    }

    var arrays: [NumberArray] {
        numbers.map { NumberArray(name: $0.name, shape: $0.shape, values: $0.values) }
    }

    func sheet() -> Sheet {
        let lines = [columns] + rows
        let widths = columns.indices.map { column in
            lines.map { Label(text: $0.indices.contains(column) ? $0[column] : "", isBold: true).width }.max() ?? 0
        }
        var sheet = Sheet(width: widths.reduce(4) { $0 + $1 + 10 }, height: 0)
        sheet.width = max(sheet.width, Label(text: title, size: TextSize.title).width)
        sheet.write(Label(text: title, size: TextSize.title, anchor: .start), 0, 8)
        sheet.height = 20
        for (index, line) in lines.enumerated() {
            var x = 2.0
            for (column, text) in line.prefix(columns.count).enumerated() {
                sheet.write(Label(text: text, anchor: .start, isBold: index == 0), x, sheet.height + 6)
                x += widths[column] + 10
            }
            sheet.height += 13
            if index == 0 { sheet.line(0, sheet.height - 1, sheet.width, sheet.height - 1) }
        }
        return sheet
    }
}
