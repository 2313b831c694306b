/// What failures of one kind have in common: their reason with every number replaced.
public struct FailurePattern: Hashable, Sendable {
    private let text: String

    /// The pattern of a reason.
    public init(_ reason: String?) {
        var bytes: [UInt8] = []
        var inNumber = false
        for byte in (reason ?? "").utf8 {
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            if isDigit, !inNumber { bytes.append(UInt8(ascii: "#")) }
            if !isDigit { bytes.append(byte) }
            inNumber = isDigit
        }
        text = String(decoding: bytes, as: UTF8.self)
    }
}
