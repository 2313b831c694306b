public import Kernels

/// What an embedding's subcomponents say about single tokens, from causal importances (vocabulary, C).
public struct EmbeddingTokens: Equatable, Sendable {
    /// The causal importances of each token on its own (vocabulary, C).
    public let masks: Tensor

    /// Looks at causal importances (vocabulary, C).
    public init(_ masks: Tensor) { self.masks = masks }

    /// The tokens whose values are shown as histograms, as far as the vocabulary goes.
    public static let shownTokens = [0, 99, 199, 299]
    /// Smaller values are left out of histograms.
    public static let histogramThreshold: Float = 0.05

    /// A token's values over ``histogramThreshold``.
    public func values(of token: Int) -> [Float] {
        let c = masks.shape[1]
        return masks.values[token * c..<(token + 1) * c].filter { $0 > Self.histogramThreshold }
    }

    /// How many subcomponents each token has over a threshold.
    public func activeCounts(over threshold: Float = Activity.threshold) -> [Int] {
        let c = masks.shape[1]
        return (0..<masks.shape[0]).map { token in
            masks.values[token * c..<(token + 1) * c].count { $0 > threshold }
        }
    }

    /// The tokens by their strongest subcomponent, each group by falling value; the groups by rising subcomponent.
    public var tokensByStrongest: [(component: Int, tokens: [Int])] {
        let c = masks.shape[1]
        var groups: [Int: [(token: Int, value: Float)]] = [:]
        for token in 0..<masks.shape[0] {
            let row = masks.values[token * c..<(token + 1) * c]
            guard let largest = row.max(), let component = row.firstIndex(of: largest) else { continue }
            groups[component - row.startIndex, default: []].append((token, largest))
        }
        return groups.sorted { $0.key < $1.key }.map { component, tokens in
            (component, tokens.sorted { ($1.value, $0.token) < ($0.value, $1.token) }.map(\.token))
        }
    }
}

/// Which subcomponents are active at the places of a text.
public enum ActivePlaces {
    /// By place, the subcomponents of a row of causal importances (rows, length, C) that exceed a threshold.
    public static func active(_ ci: Tensor, row: Int, over threshold: Float = 0) -> [[Int]] {
        let (length, c) = (ci.shape[1], ci.shape[2])
        let first = min(row, ci.shape[0] - 1) * length
        return (0..<length).map { place in
            (0..<c).filter { ci.values[(first + place) * c + $0] > threshold }
        }
    }

    /// The published table of the embedding: for the first places of the first row, the first ten values over 0.1 in
    /// the order of their subcomponents.
    public static func samples(_ ci: Tensor, places: Int = 20, values: Int = 10) -> [[Float]] {
        let c = ci.shape[2]
        return active(ci, row: 0, over: Activity.threshold).prefix(places).enumerated().map { place, components in
            components.prefix(values).map { ci.values[place * c + $0] }
        }
    }
}
