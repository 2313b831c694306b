/// The shape of a point.
public enum Marker: String, CaseIterable, Codable, Sendable {
    case circle, square, triangle, diamond, cross
}

/// How lines, points and bars look.
public struct Style: Codable, Equatable, Sendable {
    /// Their colour.
    public var color: Color
    /// The shape of points.
    public var marker: Marker
    /// Lengths of strokes and gaps in points; a solid line if empty.
    public var dash: [Double]
    /// The width of a line in points.
    public var width: Double
    /// The radius of a point in points.
    public var radius: Double
    /// From 0, not seen, to 1.
    public var opacity: Double

    /// Creates a style; what is left out is plain.
    public init(
        color: Color = Style.series(0).color, marker: Marker = .circle, dash: [Double] = [], width: Double = 1.2,
        radius: Double = 2, opacity: Double = 1
    ) {
        self.color = color
        self.marker = marker
        self.dash = dash
        self.width = width
        self.radius = radius
        self.opacity = opacity
    }

    /// Thin and grey, for what helps to read the rest.
    public static let guide = Style(color: .gray, dash: [3, 2], width: 0.8)

    /// The palette of Okabe and Ito, which people with any colour vision can distinguish; yellow comes last, it is
    /// pale.
    private static let okabeIto = [
        Color(0, 114, 178), Color(213, 94, 0), Color(0, 158, 115), Color(204, 121, 167), Color(86, 180, 233),
        Color(230, 159, 0), Color(0, 0, 0), Color(240, 228, 66),
    ]
    private static let dashes: [[Double]] = [[], [4, 2], [1, 1.5], [5, 1.5, 1, 1.5]]

    /// The style of one of several series: its own colour, and its own marker and dash for those who see no colours.
    public static func series(_ index: Int, width: Double = 1.2, radius: Double = 2, opacity: Double = 1) -> Style {
        Style(
            color: okabeIto[index % okabeIto.count], marker: Marker.allCases[index % Marker.allCases.count],
            dash: dashes[index % dashes.count], width: width, radius: radius, opacity: opacity)
    }
}
