/// What failures of one kind have in common: their reason with every number, such as `12` or `1.5e-03`, replaced.
public struct FailurePattern: Hashable, Sendable {
    private let text: String

    /// The pattern of a reason.
    public init(_ reason: String?) {
        var bytes: [UInt8] = []
        var rest = Array((reason ?? "").utf8)[...]
        while let byte = rest.first {
            // "-3", but not the one of "n-3".
            let isSign = "+-".utf8.contains(byte) && bytes.last.map { !Self.isOfWord($0) } ?? true
            if isSign, Self.digits(rest.dropFirst()) > 0 { rest = rest.dropFirst() }
            let digits = Self.digits(rest)
            guard digits > 0 else {
                bytes.append(byte)
                rest = rest.dropFirst()
                continue
            }
            bytes.append(UInt8(ascii: "#"))
            rest = rest.dropFirst(digits)
            if rest.first == UInt8(ascii: ".") {
                let fraction = Self.digits(rest.dropFirst())
                if fraction > 0 { rest = rest.dropFirst(1 + fraction) }
            }
            if rest.first == UInt8(ascii: "e") {
                let sign = rest.dropFirst().first.map { "+-".utf8.contains($0) } == true ? 1 : 0
                let exponent = Self.digits(rest.dropFirst(1 + sign))
                if exponent > 0 { rest = rest.dropFirst(1 + sign + exponent) }
            }
        }
        text = String(decoding: bytes, as: UTF8.self)
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "#") || byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }.count
    }
}
