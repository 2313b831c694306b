private import CLinux

extension Metric {
    /// A value as people read it.
    public func text(_ value: Double) -> String {
        let format =
            switch self.format {
            case .scientific: "%.3e"
            case .fixed: "%.4f"
            }
        // The longest number has 309 digits before its point.
        return withUnsafeTemporaryAllocation(byteCount: 400, alignment: 1) { bytes in
            // Ten times as fast as a list of variable arguments for `snprintf`.
            let count = strfromd(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, format, value)
            return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
        }
    }
}
