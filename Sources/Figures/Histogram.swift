import Glibc

/// Counts as bars over a logarithmic scale.
public struct Histogram: Sendable {
    /// What stands above it.
    public var title: String
    /// What it shows.
    public var bins: Bins
    /// What was counted.
    public var valueLabel: String

    /// Creates a histogram.
    public init(title: String, bins: Bins, valueLabel: String) {
        self.title = title
        self.bins = bins
        self.valueLabel = valueLabel
    }

    /// About how wide and exactly how high the bars' area is; bars are whole pixels.
    private static let area = (width: 400, height: 220)
    private static let margins = Margins(left: 76, top: 44, right: 12, bottom: 70)
    /// A count of one is still seen above this.
    private static let base = log10(0.7)

    private var barWidth: Int { max(Self.area.width / max(bins.counts.count, 1), 1) }
    private var width: Int { barWidth * bins.counts.count }
    /// The decades up to the first that no count exceeds.
    private var decades: Int {
        max(1, Int(ceil(log10(Double(max(bins.counts.max() ?? 1, 1))) - 1e-9)))
    }
}

extension Histogram: Panel {
    var size: PanelSize { Self.margins.around(width: width, height: Self.area.height) }

    func draw(on canvas: Canvas, x: Int, y: Int) {
        let area = Area(
            x: x + Self.margins.left, y: y + Self.margins.top, width: width, height: Self.area.height)
        for (index, count) in bins.counts.enumerated() where count > 0 {
            let height = pixels(of: count)
            canvas.fill(
                Area(x: area.x + index * barWidth, y: area.y + area.height - height, width: barWidth, height: height),
                .bar)
        }
        canvas.frame(area, .gray)
        drawTitle(title, over: area, on: canvas)
        for exponent in 0...decades {
            let place = area.y + area.height - pixels(of: pow(10, Double(exponent)))
            canvas.fill(Area(x: area.x - 6, y: place, width: 5, height: 1), .gray)
            canvas.text(
                Ticks.label(powerOfTen: exponent), x: Double(area.x) - 10, y: Double(place), size: TextSize.tick,
                .right)
        }
        let ticks = Ticks.round(bins.low, bins.high, limit: 6)
        let step = ticks.count > 1 ? ticks[1] - ticks[0] : bins.high - bins.low
        for tick in ticks {
            let place = Double(area.x) + (tick - bins.low) / (bins.high - bins.low) * Double(area.width - 1)
            canvas.fill(Area(x: Int(place), y: area.y + area.height + 1, width: 1, height: 5), .gray)
            canvas.text(
                Ticks.label(tick, step: step), x: place, y: Double(area.y + area.height) + 20, size: TextSize.tick)
        }
        drawLabels(columns: valueLabel, rows: "Count", area, left: x, on: canvas)
    }

    private func pixels(of count: Int) -> Int { pixels(of: Double(count)) }

    private func pixels(of count: Double) -> Int {
        let share = (log10(count) - Self.base) / (Double(decades) - Self.base)
        return Int((share * Double(Self.area.height)).rounded())
    }
}
