extension Duration {
    /// Whole milliseconds, rounded towards zero: libcurl's unit.
    public var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }

    /// Seconds with their fraction.
    public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
