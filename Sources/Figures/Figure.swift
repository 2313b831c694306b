/// Panels under one title, drawn into one picture.
public struct Figure: Sendable {
    /// What files and charts call it.
    public let name: String
    /// What stands above it.
    public let title: String
    let panels: [any Panel]
    /// How many panels stand beside each other.
    private let columns: Int

    /// Heat maps below each other.
    public init(name: String, title: String, heatMaps: [HeatMap]) {
        self.name = name
        self.title = title
        panels = heatMaps
        columns = 1
    }

    /// Histograms in rows of three.
    public init(name: String, title: String, histograms: [Histogram]) {
        self.name = name
        self.title = title
        panels = histograms
        columns = min(max(histograms.count, 1), 3)
    }

    /// Draws the figure; the same figure gives the same bytes.
    ///
    /// - Returns: A PNG file.
    /// - Throws: `FigureError.refused`.
    public func png(_ cairo: Cairo) throws(FigureError) -> [UInt8] {
        let layout = Layout(panels.map(\.size), columns: columns)
        // A figure is as wide as its title at least.
        let probe = Canvas(width: 1, height: 1, cairo: cairo)
        let titleWidth = Int(probe.width(of: title, size: TextSize.heading, isBold: true)) + 2 * Layout.margin
        let canvas = Canvas(
            width: max(layout.width, titleWidth), height: Layout.heading + layout.height, cairo: cairo)
        canvas.text(
            title, x: Double(Layout.margin), y: Double(Layout.heading) * 0.6, size: TextSize.heading, .left,
            isBold: true)
        for (panel, place) in zip(panels, layout.places) {
            panel.draw(on: canvas, x: place.x, y: Layout.heading + place.y)
        }
        return try canvas.png(figure: name)
    }
}

/// Where panels of different sizes stand in a grid whose columns and rows are as large as their largest.
struct Layout {
    static let margin = 16
    static let heading = 48

    let places: [(x: Int, y: Int)]
    let width: Int
    let height: Int

    init(_ sizes: [PanelSize], columns: Int) {
        let widths = (0..<columns).map { column in
            stride(from: column, to: sizes.count, by: columns).map { sizes[$0].width }.max() ?? 0
        }
        var places: [(x: Int, y: Int)] = []
        var y = 0
        for first in stride(from: 0, to: sizes.count, by: columns) {
            let row = first..<min(first + columns, sizes.count)
            var x = Self.margin
            for index in row {
                places.append((x, y))
                x += widths[index - first]
            }
            y += row.map { sizes[$0].height }.max() ?? 0
        }
        self.places = places
        width = widths.reduce(2 * Self.margin, +)
        height = y
    }
}
