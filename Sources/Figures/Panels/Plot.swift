/// Bars, lines and points over two axes.
public struct Plot: Codable, Sendable {
    /// The drawings over the axes, one on top of the other.
    public enum Layer: Codable, Sendable {
        /// Bars side by side from `base` to their heights; `edges` has one value more than there are heights.
        case bars(edges: [Double], heights: [Double], base: Double = 0, style: Style = Style(), name: String = "")
        /// A line through points.
        case line(x: [Double], y: [Double], style: Style = Style(), name: String = "")
        /// What is between two lines over the same places, such as the spread over seeds.
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

    /// What the points of a layer are, besides their position: a feature, a neuron, a subcomponent, a weight.
    public struct Tag: Codable, Sendable {
        /// The layer's place in ``Plot/layers``.
        public var layer: Int
        /// What its values are, such as `feature`.
        public var label: String
        /// A value for each point, or one for all of them.
        public var values: [Double]

        /// Creates a tag.
        public init(layer: Int, label: String, values: [Double]) {
            self.layer = layer
            self.label = label
            self.values = values
        }
    }

    /// The title above it.
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
    /// What points are, besides their position.
    public var tags: [Tag] {
        get { known ?? [] }
        set { known = newValue.isEmpty ? nil : newValue }
    }
    /// Nil if there are none: files of before have none.
    private var known: [Tag]?

    /// Creates a chart.
    public init(
        title: String, x: Axis, y: Axis, layers: [Layer], aspect: Double = 0.6, hidesAxes: Bool = false,
        note: String = "", tags: [Tag] = []
    ) {
        self.title = title
        self.x = x
        self.y = y
        self.layers = layers
        self.aspect = aspect
        self.hidesAxes = hidesAxes
        self.note = note
        known = tags.isEmpty ? nil : tags
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
        func array(_ name: String, _ layer: Int, _ part: String, _ values: [Double]) -> NumberArray {
            NumberArray(
                name: (name.isEmpty ? String(layer) : name) + "/" + part, shape: [values.count],
                values: values.map(Float.init))
        }
        let drawn = layers.enumerated().flatMap { index, layer -> [NumberArray] in
            let name = layer.name
            return switch layer {
            case .bars(let edges, let heights, _, _, _):
                [array(name, index, "edges", edges), array(name, index, "heights", heights)]
            case .line(let x, let y, _, _), .points(let x, let y, _, _):
                [array(name, index, "x", x), array(name, index, "y", y)]
            case .band(let x, let low, let high, _, _):
                [array(name, index, "x", x), array(name, index, "low", low), array(name, index, "high", high)]
            case .rule(_, let value, _, _): [array(name, index, "at", [value])]
            case .words: []
            }
        }
        return drawn
            + tags.filter { layers.indices.contains($0.layer) }.map {
                array(layers[$0.layer].name, $0.layer, $0.label, $0.values)
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

extension Plot.Layer {
    /// What a legend calls it; empty for what has no name.
    var name: String {
        switch self {
        case .bars(_, _, _, _, let name), .line(_, _, _, let name), .band(_, _, _, _, let name),
            .points(_, _, _, let name), .rule(_, _, _, let name):
            name
        case .words: ""
        }
    }
}
