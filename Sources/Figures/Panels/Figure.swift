/// Panels under one title, drawn onto one sheet.
///
/// A figure is a value that holds the numbers it shows: `png`, `svg` and `pdf` draw the same sheet, `arrays` gives the
/// numbers for drawing them again.
public struct Figure: Codable, Sendable {
    /// What files and charts call it.
    public var name: String
    /// Its name as a part of a file's.
    public var fileName: String { name.replacing("/", with: "_") }
    /// The title above it.
    public var title: String
    /// The run and the step that it is of, in the corner; empty if there is none.
    public var corner: String
    /// Its drawings, row after row.
    public var panels: [Panel]
    /// How many panels stand next to each other.
    public var columns: Int

    /// Creates a figure.
    public init(name: String, title: String, corner: String = "", panels: [Panel], columns: Int = 1) {
        self.name = name
        self.title = title
        self.corner = corner
        self.panels = panels
        self.columns = max(1, columns)
    }

    /// A page's usual widths in points: 3.25 and 6.75 inches.
    private static let widths = (narrow: 234.0, wide: 486.0)
    private static let margin = 8.0
    private static let gap = 10.0
    /// A panel's least width: more columns than a page has room for make it wider.
    private static let narrowest = 110.0
    /// A PNG has this many pixels for each point.
    private static let pixelsPerPoint = 2.0

    /// Draws the figure as PNG; the same figure gives the same bytes on machines with the same fonts.
    ///
    /// - Parameters:
    ///   - cairo: The library that draws it.
    ///   - scale: 1, or 2 for twice as many pixels in each direction.
    /// - Returns: The file's bytes.
    /// - Throws: `FigureError.refused`.
    public func png(_ cairo: Cairo, scale: Double = 1) throws(FigureError) -> [UInt8] {
        try CairoCanvas.png(sheet, scale: scale * Self.pixelsPerPoint, cairo, figure: name)
    }

    /// Draws the figure as a PDF of one page.
    ///
    /// - Parameter cairo: The library that draws it.
    /// - Returns: The file's bytes.
    /// - Throws: `FigureError.refused`.
    public func pdf(_ cairo: Cairo) throws(FigureError) -> [UInt8] {
        try CairoCanvas.pdf(sheet, cairo, figure: name)
    }

    /// Draws the figure as SVG whose heat maps are painted later, from what ``hoverAreas`` say about their cells.
    ///
    /// - Parameter cairo: The library that packs colour bars.
    /// - Returns: The file's text.
    /// - Throws: `FigureError.refused`.
    public func svgToPaint(_ cairo: Cairo) throws(FigureError) -> String { try svg(cairo, paintsCells: false) }

    /// Draws the figure as SVG, its text as text; the cells of heat maps are one image with `data-panel`, the place of
    /// their panel in `panels`.
    ///
    /// - Parameter cairo: The library that packs the cells.
    /// - Returns: The file's text.
    /// - Throws: `FigureError.refused`.
    public func svg(_ cairo: Cairo) throws(FigureError) -> String { try svg(cairo, paintsCells: true) }

    private func svg(_ cairo: Cairo, paintsCells: Bool) throws(FigureError) -> String {
        let name = name
        return try SVG(sheet, title: title, paintsCells: paintsCells) { (rows, columns, colors) throws(FigureError) in
            try CairoCanvas.png(rows: rows, columns: columns, colors: colors, cairo, figure: name)
        }.text
    }

    /// The numbers that the figure shows, in the order of its panels; no two have the same name.
    public var arrays: [NumberArray] {
        var seen: [String: Int] = [:]
        return panels.flatMap { panel -> [NumberArray] in
            panel.arrays.map { array in
                let name = panel.meaning.isEmpty ? array.name : "\(panel.meaning)/\(array.name)"
                let number = (seen[name] ?? 0) + 1
                seen[name] = number
                return NumberArray(
                    name: number == 1 ? name : "\(name) (\(number))", shape: array.shape, values: array.values)
            }
        }
    }

    /// What is drawn.
    var sheet: Sheet { sheet(hasAreas: false) }

    /// The drawing, with hover areas only where it will be shown on a page: pictures are drawn in parallel
    /// with training.
    func sheet(hasAreas: Bool) -> Sheet {
        let page = columns == 1 && panels.count == 1 ? Self.widths.narrow : Self.widths.wide
        let count = Double(min(columns, max(panels.count, 1)))
        let room = max((page - 2 * Self.margin - (count - 1) * Self.gap) / count, Self.narrowest)
        let parts = panels.enumerated().map { index, panel in
            panel.sheet(room: room + roomForColorBar(beside: index), index: index, hasAreas: hasAreas)
        }
        let widths = (0..<columns).map { column in
            stride(from: column, to: parts.count, by: columns).map { parts[$0].width }.max() ?? 0
        }
        let heading = Label(text: title, size: TextSize.heading, anchor: .start, isBold: true)
        let lines = heading.wrapped(to: max(page, widths.reduce(0) { $0 + $1 + Self.gap }) - 2 * Self.margin)
        let widest = lines.map(\.width).max() ?? 0
        var sheet = Sheet(width: max(page, widest + 2 * Self.margin), height: Self.margin)
        for line in lines {
            sheet.write(line, Self.margin, sheet.height + 7)
            sheet.height += 15
        }
        if !corner.isEmpty {
            let label = Label(text: corner, size: TextSize.tick, anchor: .start, color: .gray)
            for line in label.wrapped(to: sheet.width - 2 * Self.margin) {
                sheet.write(line, Self.margin, sheet.height + 4)
                sheet.height += 12
            }
        }
        for first in stride(from: 0, to: parts.count, by: columns) {
            var x = Self.margin
            let row = first..<min(first + columns, parts.count)
            for index in row {
                sheet.marks += parts[index].marks.map { $0.moved(x: x, y: sheet.height) }
                sheet.areas += parts[index].areas.map { $0.moved(x: x, y: sheet.height) }
                x += widths[index - first] + Self.gap
            }
            sheet.width = max(sheet.width, x - Self.gap + Self.margin)
            sheet.height += (row.map { parts[$0].height }.max() ?? 0) + Self.gap
        }
        return sheet
    }
}

extension Figure {
    /// How many panels of a size stand next to each other: three in a row, others in pairs.
    public static func columns(for panels: Int) -> Int { panels == 3 ? 3 : max(1, min(panels, 2)) }

    /// What a row's only colour bar takes: without it, the map that has it would be smaller than the others.
    private func roomForColorBar(beside index: Int) -> Double {
        guard index % columns > 0, case .heatMap(let map) = panels[index], map.hasColorBar,
            case .heatMap(let other) = panels[index - 1], !other.hasColorBar
        else { return 0 }
        return map.rightRoom
    }
}

extension Label {
    /// The text in lines, broken between words, each as wide as there is room; what is longer on its own is broken
    /// anywhere.
    ///
    /// - Parameter room: How wide a line may be, in points.
    /// - Returns: The lines; none for a text without words.
    func wrapped(to room: Double) -> [Label] {
        guard !text.isEmpty else { return [] }
        var lines: [Label] = []
        let longest = max(1, Int(room / (width / Double(text.count))))
        for word in text.split(separator: " ").flatMap({ $0.pieces(of: longest) }) {
            var longer = self
            longer.text = lines.last.map { $0.text + " " + word } ?? String(word)
            if lines.isEmpty || longer.width > room {
                longer.text = String(word)
                lines.append(longer)
            } else {
                lines[lines.count - 1] = longer
            }
        }
        return lines
    }
}

extension Substring {
    /// The text in pieces of some length.
    fileprivate func pieces(of length: Int) -> [Substring] {
        var (pieces, rest): ([Substring], Substring) = ([], self)
        while rest.count > length {
            pieces.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return pieces + [rest]
    }
}
