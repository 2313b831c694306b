/// An opaque colour.
struct Color: Equatable {
    let red: UInt8
    let green: UInt8
    let blue: UInt8

    init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    static let black = Color(0, 0, 0)
    static let gray = Color(120, 120, 120)
    /// For what is not a number.
    static let missing = Color(255, 235, 59)
    static let bar = Color(49, 104, 167)

    /// As Cairo keeps it in memory.
    var pixel: UInt32 { UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue) }
}

/// What colours a heat map's values get.
public enum ColorMap: Sendable {
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

    /// The colours of `count` values spread evenly over a range.
    func table(_ count: Int = 256) -> [Color] {
        let stops = stops
        return (0..<count).map { index in
            let place = Double(index) / Double(max(count - 1, 1)) * Double(stops.count - 1)
            let first = min(Int(place), stops.count - 2)
            let share = place - Double(first)
            func mix(_ channel: KeyPath<Color, UInt8>) -> UInt8 {
                let (a, b) = (Double(stops[first][keyPath: channel]), Double(stops[first + 1][keyPath: channel]))
                return UInt8((a + share * (b - a)).rounded())
            }
            return Color(mix(\.red), mix(\.green), mix(\.blue))
        }
    }
}
