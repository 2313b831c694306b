import Glibc

/// An area of a drawn figure that shows its numbers on hover; for pages, as JSON.
public struct HoverArea: Encodable, Sendable {
    /// What kind of place it is: the cells of a heat map, the bars of a histogram, points or the corners of lines.
    public enum Kind: String, Encodable, Sendable {
        case cells, bars, points
    }

    let kind: Kind
    /// The panel's title.
    let title: String
    /// The points' or bars' own name, if there is one.
    let series: String
    /// Where it is, in points of the drawing.
    ///
    /// Of cells the whole map: x, y, width, height. Of bars each one's left and right edge. Of points x and y of each.
    private(set) var places: [Double]
    /// Of bars: the top and the bottom of their chart.
    private(set) var extent: [Double]
    let rows: Int
    let columns: Int
    let xLabel: String
    let yLabel: String
    let valueLabel: String
    let xNames: [String]
    let yNames: [String]
    /// What it tells.
    ///
    /// Of cells and bars their values; of points x and y of each. Four digits; of many points three, of large maps
    /// enough that a hundredth of their range is shown; null is not a number.
    private(set) var values: [Double?]
    /// What else it shows: for points, a value for each, or one for all.
    private(set) var tags: [Tag] = []

    /// What points are, besides their position.
    struct Tag: Encodable {
        let label: String
        let values: [Double?]
    }

    /// Of large maps, in place of the values.
    private(set) var coded: Coded?
    /// Of maps whose values another one has, in place of them.
    private(set) var like: Likeness?

    /// The values of cells as letters, each the number of a step.
    struct Coded: Encodable {
        static let missing: Unicode.Scalar = "!"
        static let other: Unicode.Scalar = "#"
        /// The letter of the first step is `$`; what a JSON text would have to escape is left out.
        static func letter(_ number: Int) -> Unicode.Scalar {
            Unicode.Scalar(UInt16(36 + number + (36 + number >= 92 ? 1 : 0))) ?? other
        }

        let step: Double
        let first: Int
        let text: String
        /// Places and values of those that are no step.
        let rest: [[Double]]
    }

    /// Where the same values are.
    struct Likeness: Encodable {
        let figure: String
        let area: Int
        /// Larger ones are this.
        let most: Double
    }

    /// Of cells: how they are coloured, so a page can paint them from their values.
    let paint: Paint?

    /// How the cells of a heat map get their colours.
    struct Paint: Encodable {
        /// The place of their panel in the figure.
        let panel: Int
        let colors: ColorMap
        /// The values of the first and the last colour.
        let range: [Float]
        /// Columns that are shown pale.
        let faded: [Int]
    }

    init(
        _ kind: Kind, title: String, series: String = "", places: [Double], extent: [Double] = [], rows: Int = 0,
        columns: Int = 0, xLabel: String, yLabel: String, valueLabel: String = "", xNames: [String] = [],
        yNames: [String] = [], values: [Double], tags: [(label: String, values: [Double])] = [], paint: Paint? = nil
    ) {
        self.kind = kind
        self.title = title
        self.series = series
        self.places = places.map { Self.rounded($0, kind) }
        self.extent = extent
        self.rows = rows
        self.columns = columns
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.valueLabel = valueLabel
        self.xNames = xNames
        self.yNames = yNames
        self.paint = paint
        self.tags = tags.map { tag in Tag(label: tag.label, values: tag.values.map { Self.short($0, digits: 4) }) }
        guard values.count > Self.many else {
            self.values = values.map { Self.short($0, digits: 4) }
            return
        }
        guard let low = paint?.range.first, let high = paint?.range.last else {
            self.values = values.map { Self.short($0, digits: 3) }
            return
        }
        // Values above the range keep the digits that distinguish them from its end.
        let finest = Self.step(Double(high - low) / 100)
        self.values = values.map { value in
            guard value <= Double(high) else { return Self.short(value, digits: 4) }
            return Self.short((value / finest).rounded() * finest, digits: 4)
        }
    }

    /// Points are looked for around the pointer, and are many; cells are divided.
    private static func rounded(_ place: Double, _ kind: Kind) -> Double {
        let parts = kind == .points ? 10.0 : 100
        return (place * parts).rounded() / parts
    }

    /// Of more numbers than this fewer digits are written, so a page of them can be sent around.
    private static let many = 4000

    /// 1, 2 or 5 times a power of ten: the largest that a number is not below.
    private static func step(_ number: Double) -> Double {
        let power = pow(10, floor(log10(max(number, 1e-30))))
        return [5, 2].first { $0 * power <= number }.map { $0 * power } ?? power
    }

    private static func short(_ value: Double, digits: Double) -> Double? {
        guard value.isFinite else { return nil }
        guard value != 0 else { return 0 }
        let power = digits - 1 - floor(log10(abs(value)))
        let scale = pow(10, abs(power))
        guard scale.isFinite else { return value }
        return power >= 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
    }

    /// The same with the cells of large heat maps as letters: the numbers of their steps.
    ///
    /// - Parameter steps: How many steps the range has; a hundred, or fewer where a page has no room for that.
    /// - Returns: The area; of few values, unchanged.
    public func coded(inSteps steps: Int) -> HoverArea {
        guard values.count > Self.many, let low = paint?.range.first, let high = paint?.range.last, high > low else {
            return self
        }
        let step = Self.step(Double(high - low) / Double(steps))
        guard let first = Int(exactly: (Double(low) / step).rounded(.down)),
            let last = Int(exactly: (Double(high) / step).rounded(.up))
        else { return self }
        var (text, rest): (String.UnicodeScalarView, [[Double]]) = (.init(), [])
        for (index, value) in values.enumerated() {
            guard let value else {
                text.append(Coded.missing)
                continue
            }
            let number = (value / step).rounded()
            if value <= Double(high), number >= Double(first), number <= Double(last) {
                text.append(Coded.letter(Int(number) - first))
            } else {
                text.append(Coded.other)
                rest.append([Double(index), value])
            }
        }
        var area = self
        (area.values, area.coded) = ([], Coded(step: step, first: first, text: String(text), rest: rest))
        return area
    }

    /// The same with its numbers taken from those of another, as far as they go.
    ///
    /// - Parameters:
    ///   - figure: The other's figure.
    ///   - index: Its place among that figure's areas.
    ///   - other: The other.
    /// - Returns: The area; nil if its numbers are not the other's, cut at the largest that this one has a colour for.
    public func like(_ figure: String, _ index: Int, _ other: HoverArea) -> HoverArea? {
        guard values.count > Self.many, let most = (paint?.range.last).map(Double.init), rows == other.rows,
            columns == other.columns, values == other.values.map({ $0.map { min($0, most) } })
        else { return nil }
        var area = self
        (area.values, area.like) = ([], Likeness(figure: figure, area: index, most: most))
        return area
    }

    func moved(x: Double, y: Double) -> HoverArea {
        var area = self
        func shift(_ index: Int, by distance: Double) {
            area.places[index] = Self.rounded(places[index] + distance, kind)
        }
        switch kind {
        case .cells:
            shift(0, by: x)
            shift(1, by: y)
        case .bars: for index in places.indices { shift(index, by: x) }
        case .points: for index in places.indices { shift(index, by: index % 2 == 0 ? x : y) }
        }
        area.extent = extent.map { $0 + y }
        return area
    }
}

extension Figure {
    /// The drawing's areas that show their numbers, in the points of ``svg(_:)``'s view box.
    public var hoverAreas: [HoverArea] { sheet(hasAreas: true).areas }
}

extension HeatMap {
    func hoverArea(_ area: Box, panel: Int) -> HoverArea {
        let faded = fadedColumns.indices.filter { fadedColumns[$0] }
        return HoverArea(
            .cells, title: meaning?.title ?? title, places: [area.x, area.y, area.width, area.height],
            rows: matrix.rows, columns: matrix.columns, xLabel: meaning?.column ?? columnLabel,
            yLabel: meaning?.row ?? rowLabel, valueLabel: meaning?.value ?? valueLabel, xNames: columnNames,
            yNames: rowNames, values: matrix.values.map(Double.init),
            paint: .init(
                panel: panel, colors: colors, range: [range.lowerBound, range.upperBound], faded: faded))
    }
}

extension Plot {
    func hoverAreas(_ frame: PlotFrame) -> [HoverArea] {
        layers.enumerated().compactMap { index, layer in
            func points(_ xs: [Double], _ ys: [Double], _ name: String) -> HoverArea? {
                let shown = zip(xs, ys).enumerated().filter { frame.x.holds($1.0) && frame.y.holds($1.1) }
                guard !shown.isEmpty else { return nil }
                let tags = tags.filter { $0.layer == index && ($0.values.count == 1 || $0.values.count == xs.count) }
                return HoverArea(
                    .points, title: title, series: name,
                    places: shown.flatMap { [frame.left($1.0), frame.top($1.1)] }, xLabel: x.label, yLabel: y.label,
                    xNames: x.names.isEmpty ? [] : shown.map { x.names[$1.0] ?? "" },
                    values: shown.flatMap { [$1.0, $1.1] },
                    tags: tags.map { tag in
                        (tag.label, tag.values.count == 1 ? tag.values : shown.map { tag.values[$0.offset] })
                    })
            }
            switch layer {
            case .bars(let edges, let heights, _, _, let name):
                guard edges.count > heights.count else { return nil }
                return HoverArea(
                    .bars, title: title, series: name, places: edges.map { frame.left($0) },
                    extent: [frame.area.y, frame.area.bottom], xLabel: x.label, yLabel: y.label,
                    xNames: zip(edges, edges.dropFirst()).prefix(heights.count).map { Self.interval($0, $1) },
                    values: heights)
            case .line(let xs, let ys, _, let name): return points(xs, ys, name)
            case .points(let xs, let ys, _, let name): return points(xs, ys, name)
            case .band, .rule, .words: return nil
            }
        }
    }

    /// The middles of lines that have hover text, such as a network's.
    func lineAreas(_ frame: PlotFrame) -> [HoverArea] {
        var (places, labels): ([Double], [String]) = ([], [])
        var values: [String: [Double]] = [:]
        for (index, layer) in layers.enumerated() {
            guard case .line(let x, let y, _, _) = layer, x.count == 2, y.count == 2 else { continue }
            let its = tags.filter { $0.layer == index && $0.values.count == 1 }
            guard !its.isEmpty, labels.isEmpty || labels == its.map(\.label) else { continue }
            labels = its.map(\.label)
            places += [frame.left((2 * x[0] + x[1]) / 3), frame.top((2 * y[0] + y[1]) / 3)]
            for tag in its { values[tag.label, default: []] += tag.values }
        }
        guard !places.isEmpty else { return [] }
        return [
            HoverArea(
                .points, title: title, places: places, xLabel: "", yLabel: "", values: places,
                tags: labels.map { ($0, values[$0] ?? []) })
        ]
    }

    /// A bar's interval; of bars around whole numbers, the number.
    private static func interval(_ low: Double, _ high: Double) -> String {
        let middle = (low + high) / 2
        if high - low <= 1, abs(middle - middle.rounded()) < 1e-9, abs(middle) < 1e6, high - low > 0.5 {
            return String(Int(middle.rounded()))
        }
        let step = max((high - low) / 10, 1e-9)
        return "\(Ticks.label(low, step: step)) to \(Ticks.label(high, step: step))"
    }
}
