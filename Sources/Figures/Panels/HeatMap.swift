/// A matrix as coloured cells, with its axes and its colour bar.
public struct HeatMap: Codable, Sendable {
    /// The title above it.
    public var title: String
    /// What it shows.
    public var matrix: Matrix
    /// Its colours.
    public var colors: ColorMap
    /// The values of the first and the last colour; larger ones have their own colour.
    public var range: ClosedRange<Float>
    /// What the values are, with their unit if they have one.
    public var valueLabel: String
    /// What a column is.
    public var columnLabel: String
    /// What a row is.
    public var rowLabel: String
    /// The columns' names, such as true indices of subcomponents in their own order; none: 0, 1, 2 ….
    public var columnNames: [String]
    /// The rows' names, such as tokens; none: 0, 1, 2 ….
    public var rowNames: [String]
    /// A bar above each column, such as its subcomponent's norm; none if empty.
    public var columnBars: [Float]
    /// Which columns are shown pale, such as those of dead subcomponents; none if empty.
    public var fadedColumns: [Bool]
    /// Whether each cell's value is written into it; only where cells are large.
    public var showsValues: Bool
    /// Whether the colour bar stands next to it; of panels in a row that share a scale the last has it.
    public var hasColorBar: Bool
    /// What its numbers are, where its title and its axes leave out what its neighbours say.
    public var meaning: Meaning?

    /// What a map's numbers are.
    public struct Meaning: Codable, Sendable {
        /// The map's title.
        public var title: String
        /// What a row, a column and a value are.
        public var row, column, value: String

        /// Says what they are.
        public init(title: String, row: String, column: String, value: String) {
            self.title = title
            self.row = row
            self.column = column
            self.value = value
        }
    }

    /// Creates a heat map.
    public init(
        title: String, matrix: Matrix, colors: ColorMap, range: ClosedRange<Float>, valueLabel: String = "",
        columnLabel: String, rowLabel: String, columnNames: [String] = [], rowNames: [String] = [],
        columnBars: [Float] = [], fadedColumns: [Bool] = [], showsValues: Bool = false,
        hasColorBar: Bool = true
    ) {
        self.title = title
        self.matrix = matrix
        self.colors = colors
        self.range = range
        self.valueLabel = valueLabel
        self.columnLabel = columnLabel
        self.rowLabel = rowLabel
        self.columnNames = columnNames
        self.rowNames = rowNames
        self.columnBars = columnBars
        self.fadedColumns = fadedColumns
        self.showsValues = showsValues
        self.hasColorBar = hasColorBar
    }

    /// A range about zero that holds all of some matrices.
    public static func symmetricRange(_ matrices: [Matrix]) -> ClosedRange<Float> {
        var largest: Float = 0
        for matrix in matrices {
            for value in matrix.values where value.isFinite { largest = max(largest, abs(value)) }
        }
        return -largest...largest
    }

    /// The name of a column, as the axis has it.
    private func columnName(_ column: Int) -> String {
        columnNames.indices.contains(column) ? columnNames[column] : String(column)
    }

    /// The name of a row, as the axis has it.
    private func rowName(_ row: Int) -> String { rowNames.indices.contains(row) ? rowNames[row] : String(row) }

    var arrays: [NumberArray] {
        let values = NumberArray(name: "values", shape: [matrix.rows, matrix.columns], values: matrix.values)
        let indices = columnNames.compactMap { Float($0) }
        return [values]
            + (indices.count == matrix.columns && !columnNames.isEmpty
                ? [NumberArray(name: "columns", shape: [indices.count], values: indices)] : [])
            + (columnBars.isEmpty
                ? [] : [NumberArray(name: "bars", shape: [columnBars.count], values: columnBars)])
    }
}

// How it is drawn.
extension HeatMap {
    /// In points: the largest cell, the tallest map, and the least that a short side gets.
    private static let (largestCell, tallest, shortest) = (16.0, 300.0, 36.0)
    /// The largest cell that has its value written into it.
    private static let largestWritten = 30.0
    private static let barsHeight = 22.0
    /// Where what stands next to a map begins, so it does not run into the title.
    private static let belowTitle = 16.0
    /// The smallest cell whose column or row has its own name, in letters that are as large as fit.
    private static let smallestNamed = 5.5

    private static func nameSize(cell: Double) -> Double { min(TextSize.tick, max(cell, smallestNamed) * 1.15) }
    /// A PNG's pixel: no cell is smaller, so none is lost.
    private static let pixel = 0.5

    func sheet(room: Double, index: Int, hasAreas: Bool) -> Sheet {
        let area = area(room)
        var sheet = Sheet(width: area.right + 6 + rightRoom, height: area.bottom)
        sheet.write(Label(text: title, size: TextSize.title, anchor: .start), 2, 8)
        sheet.marks.append(
            .cells(area, rows: matrix.rows, columns: matrix.columns, colors: cellColors, panel: index))
        if hasAreas { sheet.areas = [hoverArea(area, panel: index)] }
        drawMissing(in: area, on: &sheet)
        if showsValues { writeValues(in: area, on: &sheet) }
        sheet.frame(area)
        drawColumnBars(above: area, on: &sheet)
        drawColumnNames(below: area, on: &sheet)
        drawRowNames(beside: area, on: &sheet)
        if hasColorBar { drawColorBar(beside: area, on: &sheet) }
        sheet.width = max(sheet.width, Label(text: title, size: TextSize.title).width + 4)
        return sheet
    }

    private var leftRoom: Double {
        let names = shownRows(cell: 0).map { Label(text: rowName($0)).width }.max() ?? 0
        return 16 + max(names, 8) + 5
    }

    /// For the colour bar and its labels.
    var rightRoom: Double { hasColorBar ? 8 + 4 + barLabelsWidth + (valueLabel.isEmpty ? 2 : 14) : 0 }

    /// What is written next to the colour bar, and for which values.
    private var barLabels: [(value: Double, text: String)] {
        let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
        guard high > low else { return [(low, Ticks.label(low, step: max(abs(low) / 10, 1e-3)))] }
        return [low, low / 2 + high / 2, high].map { ($0, Ticks.label($0, step: (high - low) / 20)) }
    }

    /// What is written next to the colour of values above the range; nil if there are none.
    private var beyondLabel: String? {
        guard matrix.values.contains(where: { $0.isFinite && $0 > range.upperBound }) else { return nil }
        return "> " + Ticks.label(Double(range.upperBound), step: Double(range.upperBound) / 10)
    }

    /// What is written above the colour bar: the tallest bar's value.
    private var largestBarLabel: String? {
        guard let largest = columnBars.filter(\.isFinite).max(), largest > 0 else { return nil }
        return Ticks.label(Double(largest), step: Double(largest) / 10)
    }

    private var barLabelsWidth: Double {
        let labels = barLabels.map(\.text) + [beyondLabel, largestBarLabel].compactMap { $0 }
        return labels.map { Label(text: $0).width }.max() ?? 0
    }

    /// Where the cells are: square ones where both sides stay long enough to be seen.
    private func area(_ room: Double) -> Box {
        let (rows, columns) = (Double(max(matrix.rows, 1)), Double(max(matrix.columns, 1)))
        let width = max(room - leftRoom - rightRoom - 6, 40)
        let square = min(
            width / columns, Self.tallest / rows, showsValues ? Self.largestWritten : Self.largestCell)
        func whole(_ cell: Double) -> Double { max((cell / Self.pixel).rounded(.down) * Self.pixel, Self.pixel) }
        let cellWidth = whole(max(square, min(Self.shortest / columns, Self.largestCell, 4 * square)))
        let cellHeight = whole(max(square, min(Self.shortest / rows, Self.largestCell, 4 * square)))
        let top = 18 + (columnBars.isEmpty ? 0 : Self.barsHeight + 4)
        return Box(x: leftRoom, y: top, width: cellWidth * columns, height: cellHeight * rows)
    }

    /// From this many cells on colours come in fewer steps, which nobody sees in small cells: files shrink by half and
    /// more.
    private static let steps: [(cells: Int, count: Int)] = [(45_000, 17), (20_000, 33), (4000, 65)]

    private var table: [Color] {
        colors.table(Self.steps.first(where: { matrix.values.count > $0.cells })?.count ?? 256)
    }

    private var cellColors: [Color] {
        let table = table
        let scale = Float(table.count - 1)
        // Pale colours differ less, and may be coarser.
        let paler = table.indices.map { index in
            let middle = table.count / 2
            let place = table.count < 256 ? middle + (index - middle) / 4 * 4 : index
            return table[place].mixed(with: .white, share: 0.6)
        }
        let span = range.upperBound / 2 - range.lowerBound / 2
        return matrix.values.enumerated().map { place, value in
            if !value.isFinite { return .missing }
            let column = place % matrix.columns
            let isFaded = fadedColumns.indices.contains(column) && fadedColumns[column]
            if value > range.upperBound {
                return isFaded ? colors.beyond.mixed(with: .white, share: 0.6) : colors.beyond
            }
            let share = span > 0 ? (value / 2 - range.lowerBound / 2) / span : 0
            let index = Int((min(max(share.isNaN ? 0 : share, 0), 1) * scale).rounded())
            return isFaded ? paler[index] : table[index]
        }
    }

    private func cell(_ row: Int, _ column: Int, in area: Box) -> Box {
        let (width, height) = (area.width / Double(matrix.columns), area.height / Double(matrix.rows))
        return Box(
            x: area.x + Double(column) * width, y: area.y + Double(row) * height, width: width, height: height)
    }

    /// Hatches what is not a number.
    private func drawMissing(in area: Box, on sheet: inout Sheet) {
        for (place, value) in matrix.values.enumerated() where !value.isFinite {
            let box = cell(place / matrix.columns, place % matrix.columns, in: area)
            guard box.width >= 2, box.height >= 2 else { continue }
            sheet.line(box.x, box.bottom, box.right, box.y, Stroke(width: 0.5))
        }
    }

    private func writeValues(in area: Box, on sheet: inout Sheet) {
        let box = cell(0, 0, in: area)
        guard box.width >= 14, box.height >= 8 else { return }
        let dark = colorIsDark
        for (place, value) in matrix.values.enumerated() where value.isFinite {
            let middle = cell(place / matrix.columns, place % matrix.columns, in: area).middle
            let text = Ticks.label(Double(value), step: 0.01)
            sheet.write(
                Label(text: text, size: min(box.width / 3.5, TextSize.tick), color: dark[place] ? .white : .black),
                middle.x, middle.y)
        }
    }

    private var colorIsDark: [Bool] {
        cellColors.map { 0.299 * Double($0.red) + 0.587 * Double($0.green) + 0.114 * Double($0.blue) < 130 }
    }

    private func drawColumnBars(above area: Box, on sheet: inout Sheet) {
        let largest = columnBars.filter(\.isFinite).max() ?? 0
        guard let largestBarLabel else { return }
        // Those of a shade one after another: a file names what they have in common once.
        for shade in [false, true] {
            for (column, value) in columnBars.prefix(matrix.columns).enumerated() where value.isFinite && value > 0 {
                let isFaded = fadedColumns.indices.contains(column) && fadedColumns[column]
                guard isFaded == shade else { continue }
                let place = cell(0, column, in: area)
                let height = Double(value / largest) * Self.barsHeight
                let width = max(place.width * 0.8, min(place.width, 0.5))
                sheet.marks.append(
                    .rectangle(
                        Box(x: place.middle.x - width / 2, y: area.y - 3 - height, width: width, height: height),
                        fill: isFaded ? Color.gray.mixed(with: .white, share: 0.5) : Color.gray, opacity: 1))
            }
        }
        sheet.write(Label(text: largestBarLabel, anchor: .start), area.right + 4, area.y - Self.barsHeight)
    }

    /// Which columns' names are written: all of up to 40, else every tenth or so, as there is room.
    private func shownColumns(cell width: Double) -> [Int] {
        if matrix.columns <= 40, width >= Self.smallestNamed { return Array(0..<matrix.columns) }
        let limit = max(Int(width * Double(matrix.columns) / (TextSize.tick * 1.4)), 1)
        return Ticks.indices(matrix.columns, limit: min(limit, max(matrix.columns / 10 + 1, 6)))
    }

    private func drawColumnNames(below area: Box, on sheet: inout Sheet) {
        let width = area.width / Double(max(matrix.columns, 1))
        let shown = shownColumns(cell: width)
        let step = shown.count > 1 ? Double(shown[1] - shown[0]) * width : area.width
        let labels = shown.map { Label(text: columnName($0), size: Self.nameSize(cell: step)) }
        let longest = labels.map(\.width).max() ?? 0
        let isUpright = longest + 2 > step && labels.count > 1
        for (column, label) in zip(shown, labels) {
            let x = cell(0, column, in: area).middle.x
            sheet.line(x, area.bottom, x, area.bottom + 2.5)
            var label = label
            label.isUpright = isUpright
            // Turned names stand as close as their letters are high.
            if isUpright { label.size = min(label.size, step * 0.95) }
            label.anchor = isUpright ? .end : .middle
            sheet.write(label, x, area.bottom + (isUpright ? 4 : 9))
        }
        let depth = isUpright ? longest + 5 : 14
        sheet.write(Label(text: columnLabel, size: TextSize.label), area.middle.x, area.bottom + depth + 6)
        let half = Label(text: columnLabel, size: TextSize.label).width / 2
        sheet.width = max(sheet.width, area.middle.x + half)
        sheet.height = area.bottom + depth + 14
    }

    private func shownRows(cell height: Double) -> [Int] {
        if matrix.rows <= 40, height >= Self.smallestNamed { return Array(0..<matrix.rows) }
        let limit = height > 0 ? max(Int(height * Double(matrix.rows) / (TextSize.tick * 1.5)), 1) : matrix.rows
        return Ticks.indices(matrix.rows, limit: limit)
    }

    private func drawRowNames(beside area: Box, on sheet: inout Sheet) {
        let height = area.height / Double(max(matrix.rows, 1))
        let shown = shownRows(cell: height)
        let size = Self.nameSize(cell: shown.count > 1 ? height * Double(shown[1] - shown[0]) : area.height)
        for row in shown {
            let y = cell(row, 0, in: area).middle.y
            sheet.line(area.x - 2.5, y, area.x, y)
            sheet.write(Label(text: rowName(row), size: size, anchor: .end), area.x - 4, y)
        }
        sheet.write(
            Label(text: rowLabel, size: TextSize.label, isUpright: true), 7,
            max(area.middle.y, Label(text: rowLabel, size: TextSize.label).width / 2 + Self.belowTitle))
        sheet.height = max(sheet.height, Label(text: rowLabel, size: TextSize.label).width + Self.belowTitle + 4)
    }

    private func drawColorBar(beside area: Box, on sheet: inout Sheet) {
        let table = table
        let top = area.y + (beyondLabel == nil ? 0 : 10)
        let bar = Box(x: area.right + 6, y: top, width: 8, height: max(area.height - (top - area.y), 48))
        if let beyondLabel {
            sheet.marks.append(
                .rectangle(Box(x: bar.x, y: area.y, width: 8, height: 7), fill: colors.beyond, opacity: 1))
            sheet.write(Label(text: beyondLabel, anchor: .start), bar.right + 4, area.y + 3)
        }
        sheet.marks.append(.cells(bar, rows: table.count, columns: 1, colors: table.reversed(), panel: -1))
        sheet.frame(bar)
        let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
        for (value, text) in barLabels {
            let share = high > low ? (high / 2 - value / 2) / (high / 2 - low / 2) : 0.5
            let y = bar.y + share * bar.height
            if high > low { sheet.line(bar.right, y, bar.right + 2, y) }
            sheet.write(Label(text: text, anchor: .start), bar.right + 4, y)
        }
        if !valueLabel.isEmpty {
            sheet.write(
                Label(text: valueLabel, size: TextSize.tick, isUpright: true), bar.right + 4 + barLabelsWidth + 8,
                bar.middle.y)
            let length = Label(text: valueLabel).width
            sheet.height = max(sheet.height, bar.middle.y + length / 2 + 2)
        }
        sheet.height = max(sheet.height, bar.bottom + 4)
    }
}
