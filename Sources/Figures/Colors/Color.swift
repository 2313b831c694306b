/// An opaque colour.
public struct Color: Codable, Equatable, Sendable {
    /// How much red, of 255.
    public let red: UInt8
    /// How much green, of 255.
    public let green: UInt8
    /// How much blue, of 255.
    public let blue: UInt8

    /// Creates a colour from its three parts.
    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// For text.
    public static let black = Color(0, 0, 0)
    /// For paper.
    public static let white = Color(255, 255, 255)
    /// For axes and frames.
    public static let gray = Color(110, 110, 110)
    /// Behind the hatching of what is not a number.
    public static let missing = Color(228, 228, 228)

    /// As Cairo keeps it in memory.
    var pixel: UInt32 { UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue) }

    /// As style sheets write it: `#0072b2`.
    public var hex: String {
        "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A share of the way to another colour.
    public func mixed(with other: Color, share: Double) -> Color {
        func mix(_ a: UInt8, _ b: UInt8) -> UInt8 { UInt8((Double(a) + share * (Double(b) - Double(a))).rounded()) }
        return Color(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
    }
}
