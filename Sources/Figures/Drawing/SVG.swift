internal import Foundation

/// Writes a sheet as SVG with real text, in a fixed number of digits: the same sheet has the same bytes.
struct SVG {
    private var body = ""
    private let sheet: Sheet

    /// Writes a sheet.
    ///
    /// - Parameters:
    ///   - sheet: What to show.
    ///   - title: What it is, for those who have it read to them.
    ///   - paintsCells: False leaves drawing the heat maps' cells to the viewer.
    ///   - png: Makes a PNG of cells, one pixel each.
    /// - Throws: What `png` throws.
    init(
        _ sheet: Sheet, title: String, paintsCells: Bool = true,
        png: (Int, Int, [Color]) throws(FigureError) -> [UInt8]
    ) throws(FigureError) {
        self.sheet = sheet
        let (width, height) = (Self.number(sheet.width), Self.number(sheet.height))
        body =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)pt\" height=\"\(height)pt\" "
            + "viewBox=\"0 0 \(width) \(height)\" role=\"img\" "
            + "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n<title>\(Self.escaped(title))</title>\n"
            + "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>\n"
        // Rectangles of one colour that follow one another are one path: a picture of many is a fifth as large.
        var outlines = ""
        for (index, mark) in sheet.marks.enumerated() {
            switch mark {
            case .rectangle(let box, let fill, let opacity):
                if case .rectangle(_, fill, opacity)? = sheet.marks.dropFirst(index + 1).first {
                    outlines += Self.outline(box)
                } else if outlines.isEmpty {
                    body += "<rect \(Self.box(box)) fill=\"\(fill.hex)\"\(Self.opacity(opacity))/>\n"
                } else {
                    body +=
                        "<path d=\"\(outlines + Self.outline(box))\" fill=\"\(fill.hex)\"\(Self.opacity(opacity))/>\n"
                    outlines = ""
                }
            case .line(let points, let stroke): body += Self.line(points, stroke)
            case .area(let points, let fill, let opacity):
                body += "<polygon points=\"\(Self.places(points))\" fill=\"\(fill.hex)\"\(Self.opacity(opacity))/>\n"
            case .dot(let point, let radius, let marker, let fill, let opacity):
                body += Self.dot(point, radius, marker, fill, opacity)
            case .text(let label, let point): body += Self.text(label, point)
            case .cells(let box, let rows, let columns, let colors, let panel):
                guard rows > 0, columns > 0 else { continue }
                let image =
                    paintsCells || panel < 0
                    ? " href=\"data:image/png;base64," + Data(try png(rows, columns, colors)).base64EncodedString()
                        + "\""
                    : ""
                body +=
                    "<image \(Self.box(box)) data-panel=\"\(panel)\" preserveAspectRatio=\"none\" "
                    + "style=\"image-rendering:pixelated\"\(image)/>\n"
            }
        }
    }

    /// The file's text.
    var text: String { body + "</svg>\n" }

    private static func line(_ points: [Point], _ stroke: Stroke) -> String {
        let dash =
            stroke.dash.isEmpty ? "" : " stroke-dasharray=\"\(stroke.dash.map(number).joined(separator: " "))\""
        return "<polyline points=\"\(places(points))\" fill=\"none\" stroke=\"\(stroke.color.hex)\" "
            + "stroke-width=\"\(number(stroke.width))\"\(dash)\(opacity(stroke.opacity))/>\n"
    }

    private static func dot(
        _ point: Point, _ radius: Double, _ marker: Marker, _ fill: Color, _ share: Double
    ) -> String {
        let corners = marker.corners(around: point, radius: radius)
        let shape =
            corners.isEmpty
            ? "<circle cx=\"\(number(point.x))\" cy=\"\(number(point.y))\" r=\"\(number(radius))\""
            : "<polygon points=\"\(places(corners))\""
        return "\(shape) fill=\"\(fill.hex)\"\(opacity(share))/>\n"
    }

    private static func text(_ label: Label, _ point: Point) -> String {
        let (x, y) = (number(point.x), number(point.y))
        let turn = label.isUpright ? " transform=\"rotate(-90 \(x) \(y))\"" : ""
        return "<text x=\"\(x)\" y=\"\(y)\" dy=\"0.36em\" font-size=\"\(number(label.size))\" "
            + "text-anchor=\"\(label.anchor)\"\(label.isBold ? " font-weight=\"bold\"" : "")"
            + "\(label.color == .black ? "" : " fill=\"\(label.color.hex)\"")\(turn)>\(escaped(label.text))</text>\n"
    }

    private static func places(_ points: [Point]) -> String {
        points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    }

    private static func outline(_ box: Box) -> String {
        let (width, height) = (number(box.width), number(box.height))
        return "M\(number(box.x)) \(number(box.y))h\(width)v\(height)h-\(width)z"
    }

    private static func box(_ box: Box) -> String {
        "x=\"\(number(box.x))\" y=\"\(number(box.y))\" width=\"\(number(box.width))\" height=\"\(number(box.height))\""
    }

    private static func opacity(_ share: Double) -> String { share == 1 ? "" : " opacity=\"\(number(share))\"" }

    /// At most two decimals, whatever the locale.
    private static func number(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "0" }
        let hundredths = Int((value * 100).rounded())
        let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
        let sign = hundredths < 0 ? "-" : ""
        if rest == 0 { return "\(sign)\(whole)" }
        if rest % 10 == 0 { return "\(sign)\(whole).\(rest / 10)" }
        return "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Text in which no character means anything to XML; what XML cannot hold is left out.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\t": result += " "
            case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
