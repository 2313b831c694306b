/// A place on a sheet, in points (1/72 inch) from its upper left corner.
struct Point: Equatable, Sendable {
    var x: Double
    var y: Double
}

/// A rectangle on a sheet, in points.
struct Box: Equatable, Sendable {
    var x: Double
    var y: Double
    var width: Double
    var height: Double

    var right: Double { x + width }
    var bottom: Double { y + height }
    var middle: Point { Point(x: x + width / 2, y: y + height / 2) }

    func overlaps(_ other: Box) -> Bool {
        x < other.right && other.x < right && y < other.bottom - 1e-6 && other.y < bottom - 1e-6
    }
}

/// Where a text's anchor is.
enum Anchor: Double, Sendable {
    case start = 0
    case middle = 0.5
    case end = 1
}

/// What a line is drawn with.
struct Stroke: Equatable, Sendable {
    var color = Color.gray
    var width = 0.6
    var dash: [Double] = []
    var opacity = 1.0

    init(color: Color = .gray, width: Double = 0.6, dash: [Double] = [], opacity: Double = 1) {
        self.color = color
        self.width = width
        self.dash = dash
        self.opacity = opacity
    }

    init(_ style: Style) {
        self.init(color: style.color, width: style.width, dash: style.dash, opacity: style.opacity)
    }
}

/// A text and how it is written.
struct Label: Equatable, Sendable {
    var text: String
    var size = TextSize.tick
    var anchor = Anchor.middle
    var isBold = false
    /// Turned by a quarter, to be read from the right.
    var isUpright = false
    var color = Color.black

    /// About how wide it comes out, in points: the same with every font, so a figure has one layout.
    var width: Double { Double(text.count) * size * (isBold ? 0.62 : 0.57) }
}

/// One thing on a sheet.
enum Mark: Equatable, Sendable {
    case rectangle(Box, fill: Color, opacity: Double)
    case line([Point], Stroke)
    /// What is inside an outline.
    case area([Point], fill: Color, opacity: Double)
    case dot(Point, radius: Double, Marker, fill: Color, opacity: Double)
    /// A text whose vertical middle is at the point.
    case text(Label, Point)
    /// A rectangle filled with equal cells, row after row; the panel is the one that they show.
    case cells(Box, rows: Int, columns: Int, colors: [Color], panel: Int)

    func moved(x: Double, y: Double) -> Mark {
        func move(_ point: Point) -> Point { Point(x: point.x + x, y: point.y + y) }
        func move(_ box: Box) -> Box { Box(x: box.x + x, y: box.y + y, width: box.width, height: box.height) }
        return switch self {
        case .rectangle(let box, let fill, let opacity): .rectangle(move(box), fill: fill, opacity: opacity)
        case .line(let points, let stroke): .line(points.map(move), stroke)
        case .area(let points, let fill, let opacity): .area(points.map(move), fill: fill, opacity: opacity)
        case .dot(let point, let radius, let marker, let fill, let opacity):
            .dot(move(point), radius: radius, marker, fill: fill, opacity: opacity)
        case .text(let label, let point): .text(label, move(point))
        case .cells(let box, let rows, let columns, let colors, let panel):
            .cells(move(box), rows: rows, columns: columns, colors: colors, panel: panel)
        }
    }
}

/// A drawing independent of its format: PNG, SVG and PDF show the same sheet.
struct Sheet: Sendable {
    var width: Double
    var height: Double
    var marks: [Mark] = []
    /// The areas that show their numbers on hover.
    var areas: [HoverArea] = []

    mutating func frame(_ box: Box) {
        let corners = [
            Point(x: box.x, y: box.y), Point(x: box.right, y: box.y), Point(x: box.right, y: box.bottom),
            Point(x: box.x, y: box.bottom), Point(x: box.x, y: box.y),
        ]
        marks.append(.line(corners, Stroke()))
    }

    mutating func line(_ x0: Double, _ y0: Double, _ x1: Double, _ y1: Double, _ stroke: Stroke = Stroke()) {
        marks.append(.line([Point(x: x0, y: y0), Point(x: x1, y: y1)], stroke))
    }

    mutating func write(_ label: Label, _ x: Double, _ y: Double) { marks.append(.text(label, Point(x: x, y: y))) }
}

/// Font sizes in points.
enum TextSize {
    static let heading = 11.0
    static let title = 10.0
    static let label = 9.0
    static let tick = 8.0
}

extension Marker {
    /// The corners of a marker around a place; none for a circle.
    func corners(around center: Point, radius: Double) -> [Point] {
        func corner(_ x: Double, _ y: Double) -> Point {
            Point(x: center.x + x * radius, y: center.y + y * radius)
        }
        return switch self {
        case .circle: []
        case .square: [corner(-0.9, -0.9), corner(0.9, -0.9), corner(0.9, 0.9), corner(-0.9, 0.9)]
        case .triangle: [corner(0, -1.2), corner(1.1, 0.8), corner(-1.1, 0.8)]
        case .diamond: [corner(0, -1.25), corner(1.25, 0), corner(0, 1.25), corner(-1.25, 0)]
        case .cross:
            [
                corner(-0.3, -1.1), corner(0.3, -1.1), corner(0.3, -0.3), corner(1.1, -0.3), corner(1.1, 0.3),
                corner(0.3, 0.3), corner(0.3, 1.1), corner(-0.3, 1.1), corner(-0.3, 0.3), corner(-1.1, 0.3),
                corner(-1.1, -0.3), corner(-0.3, -0.3),
            ]
        }
    }
}
