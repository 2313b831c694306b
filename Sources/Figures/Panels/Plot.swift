/// Bars, lines and points over two axes.
public struct Plot: Codable, Sendable {
    /// What is drawn over the axes, one over the other.
    public enum Layer: Codable, Sendable {
        /// Bars side by side from `base` to their heights; `edges` has one value more than there are heights.
        case bars(edges: [Double], heights: [Double], base: Double = 0, style: Style = Style(), name: String = "")
        /// A line through points.
        case line(x: [Double], y: [Double], style: Style = Style(), name: String = "")
        /// What lies between two lines over the same places, such as the spread over seeds.
        case band(x: [Double], low: [Double], high: [Double], style: Style = Style(), name: String = "")
        /// Single points.
        case points(x: [Double], y: [Double], style: Style = Style(), name: String = "")
        /// A line across the chart at one value.
        case rule(isVertical: Bool, at: Double, style: Style = .guide, name: String = "")
        /// Words at places.
        case words([Word])
    }

    /// A word at a place of a chart.
    public struct Word: Codable, Sendable {
        /// The place.
        public var x, y: Double
        /// What is written there.
        public var text: String
        /// Its colour.
        public var color: Color

        /// Creates a word.
        public init(x: Double, y: Double, text: String, color: Color = .black) {
            self.x = x
            self.y = y
            self.text = text
            self.color = color
        }
    }

    /// What stands above it.
    public var title: String
    /// The axis from left to right.
    public var x: Axis
    /// The axis from bottom to top.
    public var y: Axis
    /// What is drawn.
    public var layers: [Layer]
    /// The height of its area as a share of its width.
    public var aspect: Double
    /// Whether axes are left out, as in a drawing of a network.
    public var hidesAxes: Bool
    /// What is written below the axes, such as how many values are exactly zero; empty if nothing.
    public var note: String

    /// Creates a chart.
    public init(
        title: String, x: Axis, y: Axis, layers: [Layer], aspect: Double = 0.6, hidesAxes: Bool = false,
        note: String = ""
    ) {
        self.title = title
        self.x = x
        self.y = y
        self.layers = layers
        self.aspect = aspect
        self.hidesAxes = hidesAxes
        self.note = note
    }

    /// A histogram with a logarithmic axis of counts.
    public static func histogram(title: String, _ bins: Bins, valueLabel: String, note: String = "") -> Plot {
        let width = (bins.high - bins.low) / Double(bins.counts.count)
        let top = Double(max(bins.counts.max() ?? 1, 1))
        return Plot(
            title: title, x: Axis(valueLabel, range: bins.low...bins.high),
            y: Axis("Count", range: 0.7...max(top * 1.3, 10), isLogarithmic: true),
            layers: [
                .bars(
                    edges: (0...bins.counts.count).map { bins.low + Double($0) * width },
                    heights: bins.counts.map(Double.init), base: 0.7)
            ], note: note)
    }

    var arrays: [NumberArray] {
        layers.enumerated().flatMap { index, layer -> [NumberArray] in
            func array(_ name: String, _ part: String, _ values: [Double]) -> NumberArray {
                NumberArray(
                    name: (name.isEmpty ? String(index) : name) + "/" + part, shape: [values.count],
                    values: values.map(Float.init))
            }
            return switch layer {
            case .bars(let edges, let heights, _, _, let name):
                [array(name, "edges", edges), array(name, "heights", heights)]
            case .line(let x, let y, _, let name), .points(let x, let y, _, let name):
                [array(name, "x", x), array(name, "y", y)]
            case .band(let x, let low, let high, _, let name):
                [array(name, "x", x), array(name, "low", low), array(name, "high", high)]
            case .rule(_, let value, _, let name): [array(name, "at", [value])]
            case .words: []
            }
        }
    }

    /// All values along an axis.
    func values(isVertical: Bool) -> [Double] {
        layers.flatMap { layer -> [Double] in
            switch layer {
            case .bars(let edges, let heights, let base, _, _): isVertical ? heights + [base] : edges
            case .line(let x, let y, _, _), .points(let x, let y, _, _): isVertical ? y : x
            case .band(let x, let low, let high, _, _): isVertical ? low + high : x
            case .rule(let ruleIsVertical, let value, _, _): ruleIsVertical == isVertical ? [] : [value]
            case .words(let words): words.map { isVertical ? $0.y : $0.x }
            }
        }
    }
}
