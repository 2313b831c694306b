/// Which runs are stopped early: those that at some of their rows are not among the best share of all that got there.
///
/// This is what Weights & Biases' `early_terminate` does. From: Lisha Li and others, Hyperband, 2018.
package struct Hyperband: Sendable, Equatable {
    /// After how many values of the metric runs are compared, growing.
    package let bands: [Int]
    /// One of this many continues.
    package let eta: Double
    /// Whether a run is judged by its value at the band; otherwise by its best so far.
    package let isStrict: Bool

    /// `3`, `2.5`.
    package var etaText: String { eta == eta.rounded() && eta < 1e9 ? "\(Int(eta))" : "\(eta)" }

    /// Bands of `max_iter`/eta, `max_iter`/eta², …, `s` of them as far as they are 1 or more.
    package init(maxIterations: Int, s: Int, eta: Double, isStrict: Bool) {
        var bands: [Int] = []
        var band = Double(maxIterations)
        while bands.count < s {
            band /= eta
            guard band >= 1 else { break }
            bands.append(Int(band))
        }
        self.init(bands.reversed(), eta: eta, isStrict: isStrict)
    }

    /// Bands of `min_iter`, `min_iter`·eta, `min_iter`·eta², ….
    package init(minIterations: Int, eta: Double, isStrict: Bool) {
        var bands: [Int] = []
        var band = Double(minIterations)
        while bands.count < 100, band < 1e9 {
            bands.append(Int(band))
            band *= eta
        }
        self.init(bands, eta: eta, isStrict: isStrict)
    }

    private init(_ bands: [Int], eta: Double, isStrict: Bool) {
        self.bands = bands.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
        self.eta = eta
        self.isStrict = isStrict
    }

    /// The limit for a run at a band; lower is better.
    ///
    /// - Parameter values: The values of all runs that have got there, this one's too.
    /// - Returns: The value; nil without any run.
    package func threshold(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        return values.sorted()[min(Int(Double(values.count) / eta), values.count - 1)]
    }
}
