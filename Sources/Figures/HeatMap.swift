/// A matrix as coloured cells, with its axes and its colour bar.
public struct HeatMap: Sendable {
    /// What stands above it.
    public var title: String
    /// What it shows.
    public var matrix: Matrix
    /// Its colours.
    public var colors: ColorMap
    /// The values of the first and the last colour; beyond them values have those.
    public var range: ClosedRange<Float>
    /// What a column is.
    public var columnLabel: String
    /// What a row is.
    public var rowLabel: String

    /// Creates a heat map.
    public init(
        title: String, matrix: Matrix, colors: ColorMap, range: ClosedRange<Float>, columnLabel: String,
        rowLabel: String
    ) {
        self.title = title
        self.matrix = matrix
        self.colors = colors
        self.range = range
        self.columnLabel = columnLabel
        self.rowLabel = rowLabel
    }

    // Cells are whole pixels, at most this large, so that the matrix fits these bounds wherever it can.
    private static let largestCell = 32
    private static let (widest, tallest) = (1200, 400)
    private static let margins = Margins(left: 96, top: 44, right: 130, bottom: 70)
    private static let bar = (distance: 20, width: 22, shortest: 90)

    private var cellSize: (width: Int, height: Int) {
        let shown = shown
        return (
            min(max(Self.widest / max(shown.columns, 1), 1), Self.largestCell),
            min(max(Self.tallest / max(shown.rows, 1), 1), Self.largestCell)
        )
    }

    private var shown: Matrix { matrix.pooled(rows: Self.tallest, columns: Self.widest) }
}

extension HeatMap: Panel {
    var size: PanelSize {
        let (shown, cell) = (shown, cellSize)
        return Self.margins.around(
            width: shown.columns * cell.width, height: max(shown.rows * cell.height, Self.bar.shortest))
    }

    func draw(on canvas: Canvas, x: Int, y: Int) {
        let (shown, cell) = (shown, cellSize)
        let area = Area(
            x: x + Self.margins.left, y: y + Self.margins.top, width: shown.columns * cell.width,
            height: shown.rows * cell.height)
        let table = colors.table()
        canvas.cells(area, rows: shown.rows, columns: shown.columns) { color(of: shown[$0, $1], in: table) }
        canvas.frame(area, .gray)
        drawTitle(title, over: area, on: canvas)
        drawColumnIndices(area, on: canvas)
        drawRowIndices(area, on: canvas)
        drawLabels(columns: columnLabel, rows: rowLabel, area, left: x, on: canvas)
        drawBar(table, beside: area, on: canvas)
    }

    private func color(of value: Float, in table: [Color]) -> Color {
        guard !value.isNaN else { return .missing }
        // In double precision no finite range is infinitely wide.
        let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
        let share = high > low ? (Double(value) - low) / (high - low) : 0
        return table[Int((min(max(share, 0), 1) * Double(table.count - 1)).rounded())]
    }

    private func drawColumnIndices(_ area: Area, on canvas: Canvas) {
        let labelWidth = 14 * String(matrix.columns).count + 12
        for index in Ticks.indices(matrix.columns, limit: area.width / labelWidth) {
            let center = Double(area.x) + (Double(index) + 0.5) / Double(matrix.columns) * Double(area.width)
            canvas.fill(Area(x: Int(center), y: area.y + area.height + 1, width: 1, height: 5), .gray)
            canvas.text(String(index), x: center, y: Double(area.y + area.height) + 20, size: TextSize.tick)
        }
    }

    private func drawRowIndices(_ area: Area, on canvas: Canvas) {
        for index in Ticks.indices(matrix.rows, limit: max(area.height / 28, 1)) {
            let center = Double(area.y) + (Double(index) + 0.5) / Double(matrix.rows) * Double(area.height)
            canvas.fill(Area(x: area.x - 6, y: Int(center), width: 5, height: 1), .gray)
            canvas.text(String(index), x: Double(area.x) - 10, y: center, size: TextSize.tick, .right)
        }
    }

    private func drawBar(_ table: [Color], beside area: Area, on canvas: Canvas) {
        let height = max(area.height, Self.bar.shortest)
        let bar = Area(
            x: area.x + area.width + Self.bar.distance, y: area.y, width: Self.bar.width, height: height)
        canvas.cells(bar, rows: height, columns: 1) { row, _ in
            table[(height - 1 - row) * (table.count - 1) / max(height - 1, 1)]
        }
        canvas.frame(bar, .gray)
        let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
        guard high > low else { return }
        let ticks = Ticks.round(low, high, limit: max(height / 36, 3))
        let step = ticks.count > 1 ? ticks[1] - ticks[0] : high - low
        for tick in ticks {
            let place = Double(bar.y) + (high - tick) / (high - low) * Double(height - 1)
            canvas.fill(Area(x: bar.x + bar.width + 1, y: Int(place), width: 5, height: 1), .gray)
            canvas.text(
                Ticks.label(tick, step: step), x: Double(bar.x + bar.width) + 10, y: place, size: TextSize.tick,
                .left)
        }
    }
}
