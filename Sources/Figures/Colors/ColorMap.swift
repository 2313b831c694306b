/// What colours a heat map's values get.
public enum ColorMap: String, CaseIterable, Codable, Sendable {
    /// White to dark blue.
    case blues
    /// White to dark red.
    case reds
    /// Blue over white to red: for ranges with zero in the middle.
    case blueWhiteRed

    private var stops: [Color] {
        switch self {
        case .blues: [Color(255, 255, 255), Color(150, 190, 225), Color(50, 115, 185), Color(8, 40, 100)]
        case .reds: [Color(255, 255, 255), Color(245, 160, 130), Color(210, 50, 45), Color(95, 0, 15)]
        case .blueWhiteRed:
            [
                Color(20, 50, 130), Color(90, 140, 215), Color(255, 255, 255), Color(225, 110, 85),
                Color(125, 10, 30),
            ]
        }
    }

    /// The colour of values beyond the range.
    public var beyond: Color {
        switch self {
        case .blues, .reds: Color(0, 0, 0)
        case .blueWhiteRed: Color(60, 0, 10)
        }
    }

    /// The colours of `count` values spread evenly over a range.
    public func table(_ count: Int = 256) -> [Color] {
        let stops = stops
        return (0..<count).map { index in
            let place = Double(index) / Double(max(count - 1, 1)) * Double(stops.count - 1)
            let first = min(Int(place), stops.count - 2)
            return stops[first].mixed(with: stops[first + 1], share: place - Double(first))
        }
    }
}
