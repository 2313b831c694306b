import JSON

/// A chart or browser on a W&B page.
public struct PagePanel: Sendable, Equatable {
    /// Panels with a heading.
    public struct Section: Sendable, Equatable {
        /// The heading.
        public var name: String
        /// The panels.
        public var panels: [PagePanel]

        /// Describes a section.
        public init(_ name: String, _ panels: [PagePanel]) {
            self.name = name
            self.panels = panels
        }
    }

    /// What is drawn.
    public enum Content: Sendable, Equatable {
        /// Metrics over steps.
        case lines([String], isLog: Bool = false)
        /// All metrics whose names a regular expression matches, over steps.
        case matching(regex: String)
        /// Images that runs log under these names.
        case media([String], columns: Int)
    }

    /// Where it is in a grid 24 wide.
    public struct Layout: Sendable, Equatable {
        /// Columns to its left.
        public var x = 0
        /// Rows above it.
        public var y = 0
        /// Its columns.
        public var width = 8
        /// Its rows.
        public var height = 6

        /// The upper left corner, of the usual size.
        public init() {}
    }

    /// What is drawn.
    public var content: Content
    /// Its title; nil for the metric's name.
    public var title: String?
    /// Where it lies.
    public var layout = Layout()

    /// Describes a panel in the upper left corner.
    public init(content: Content, title: String? = nil) {
        self.content = content
        self.title = title
    }

    /// Lays out rows of panels one below the other; a browser alone in its row takes all of it.
    public static func grid(_ rows: [[PagePanel]]) -> [PagePanel] {
        var y = 0
        return rows.flatMap { row in
            var x = 0
            let placed = row.map { panel in
                var panel = panel
                if row.count == 1, case .media = panel.content { (panel.layout.width, panel.layout.height) = (24, 12) }
                (panel.layout.x, panel.layout.y) = (x, y)
                x += panel.layout.width
                return panel
            }
            y += placed.map(\.layout.height).max() ?? 0
            return placed
        }
    }

    /// The panel as a view's spec holds it; `id` is unique on its page.
    func spec(id: String) -> JSONValue {
        [
            "__id__": .string(id),
            "layout": [
                "x": .number(layout.x), "y": .number(layout.y), "w": .number(layout.width),
                "h": .number(layout.height),
            ],
            "viewType": .string(viewType), "config": .object(config),
        ]
    }

    private var viewType: String {
        switch content {
        case .lines, .matching: "Run History Line Plot"
        case .media: "Media Browser"
        }
    }

    private var config: [JSONValue.Member] {
        var config: [JSONValue.Member] = title.map { [.init("chartTitle", .string($0))] } ?? []
        switch content {
        case .lines(let metrics, let isLog):
            config += [.init("xAxis", "_step"), .init("metrics", .array(metrics.map { .string($0) }))]
            if isLog { config.append(.init("yLogScale", true)) }
        case .matching(let regex):
            config += [
                .init("xAxis", "_step"), .init("metrics", []), .init("metricRegex", .string(regex)),
                .init("useMetricRegex", true),
            ]
        case .media(let keys, let columns):
            config += [
                .init("columnCount", .number(columns)), .init("mediaKeys", .array(keys.map { .string($0) })),
            ]
        }
        return config
    }
}
