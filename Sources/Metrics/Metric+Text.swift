private import CLinux

extension Metric {
    /// A value as people read it.
    public func text(_ value: Double) -> String {
        switch format {
        case .scientific: Self.text(value, "%.3e")
        case .fixed: Self.text(value, "%.4f")
        }
    }

    /// A value of any metric in so many digits, with an exponent where it takes one.
    public static func text(_ value: Double, digits: Int) -> String { text(value, "%.\(digits)g") }

    /// A value in so many digits after its point.
    public static func text(_ value: Double, decimals: Int) -> String { text(value, "%.\(decimals)f") }

    private static func text(_ value: Double, _ format: String) -> String {
        // The longest number has 309 digits before its point.
        withUnsafeTemporaryAllocation(byteCount: 400, alignment: 1) { bytes in
            // Ten times as fast as a list of variable arguments for `snprintf`.
            let count = strfromd(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, format, value)
            return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
        }
    }
}
