public import Kernels

/// How often subcomponents are active, counted over causal importances (places, C).
public struct Activity: Equatable, Sendable {
    /// From here on a subcomponent counts as active in figures.
    public static let threshold: Float = 0.1
    /// From here on it counts in L0.
    public static let l0Threshold: Float = 0.01

    /// In which fraction of the places each subcomponent's causal importance exceeds ``threshold``.
    public let fractions: [Float]
    /// How many are active at a place, in the mean.
    public let meanActive: Double

    /// Counts over blocks of causal importances whose last dimension is C.
    public init(_ blocks: [Tensor]) {
        let c = blocks.first?.shape.last ?? 0
        var counts = Array(repeating: 0, count: c)
        var places = 0
        for block in blocks {
            places += block.values.count / max(c, 1)
            for (place, value) in block.values.enumerated() where value > Self.threshold { counts[place % c] += 1 }
        }
        let total = Double(max(places, 1))
        fractions = counts.map { Float(Double($0) / total) }
        meanActive = Double(counts.reduce(0, +)) / total
    }

    /// How many causal importances of a place exceed ``l0Threshold``, in the mean over the places of a block (…, C).
    public static func l0(_ block: Tensor) -> Double {
        let places = block.values.count / max(block.shape.last ?? 1, 1)
        return Double(block.values.count { $0 > l0Threshold }) / Double(max(places, 1))
    }

    /// How many subcomponents have a causal importance over ``threshold`` anywhere in a block (…, C).
    public static func alive(_ block: Tensor) -> Int {
        let c = block.shape.last ?? 0
        var isAlive = Array(repeating: false, count: c)
        for (place, value) in block.values.enumerated() where value > threshold { isAlive[place % c] = true }
        return isAlive.count { $0 }
    }
}
