private import Glibc

extension Metric {
    /// A value as people read it.
    public func text(_ value: Double) -> String {
        var bytes = [CChar](repeating: 0, count: 400)
        let format =
            switch self.format {
            case .scientific: "%.3e"
            case .fixed: "%.4f"
            }
        let count = withVaList([value]) { vsnprintf(&bytes, bytes.count, format, $0) }
        return String(decoding: bytes.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
