import Kernels

/// A line of a network's picture, as the published tool draws weights.
public struct NetworkLine: Equatable, Sendable {
    /// Where it begins and ends.
    public let from: (x: Double, y: Double), to: (x: Double, y: Double)
    /// Which nodes of their rows it joins.
    public let source: Int, sink: Int
    /// |w| over the largest of its scale.
    public let strength: Double
    /// The weight.
    public let weight: Float

    /// The published width, opacity and shade (0 is black, one of 256 greys).
    public var style: (width: Double, opacity: Double, grey: Double) {
        let shade = min((strength * 256).rounded(.down), 255)
        return (0.5 + 1.5 * strength, 0.3 + 0.7 * strength, 1 - shade / 255)
    }

    /// Whether two lines are the same.
    public static func == (a: NetworkLine, b: NetworkLine) -> Bool {
        a.from == b.from && a.to == b.to && a.strength == b.strength && a.weight == b.weight
    }
}

/// The lines of networks' pictures.
public enum NetworkPicture {
    /// The lines between two rows of nodes.
    ///
    /// - Parameters:
    ///   - weights: The weights (from, to).
    ///   - largest: What counts as strength 1; 1 for what is all zero.
    ///   - from: The nodes where lines begin.
    ///   - to: The nodes where they end.
    /// - Returns: A line for each weight, row after row.
    static func lines(
        _ weights: Tensor, largest: Float, from: (x: [Double], y: Double), to: (x: [Double], y: Double)
    ) -> [NetworkLine] {
        from.x.indices.flatMap { row in
            to.x.indices.map { column in
                let weight = weights.values[row * weights.shape[1] + column]
                return NetworkLine(
                    from: (from.x[row], from.y), to: (to.x[column], to.y), source: row, sink: column,
                    strength: Double(abs(weight) / (largest > 0 ? largest : 1)), weight: weight)
            }
        }
    }

    /// Places from `low` to `high`.
    public static func spaced(_ low: Double, _ high: Double, _ count: Int) -> [Double] {
        (0..<count).map { count == 1 ? low : low + (high - low) * Double($0) / Double(count - 1) }
    }
}

extension TMSAnalysis {
    /// The lines of each of ``panels``: inputs to hidden units and, the same transposed, to outputs, on one scale.
    public var networkLines: [[NetworkLine]] {
        let panels = panels
        let largest = panels.reduce(0) { largest, panel in panel.weights.values.reduce(largest) { max($0, abs($1)) } }
        let outer = NetworkPicture.spaced(0.05, 0.95, targetWeights.shape[0])
        let inner = NetworkPicture.spaced(0.25, 0.75, targetWeights.shape[1])
        return panels.map { panel in
            NetworkPicture.lines(panel.weights, largest: largest, from: (outer, 0), to: (inner, -1))
                + NetworkPicture.lines(panel.weights.transposed, largest: largest, from: (inner, -1), to: (outer, -2))
        }
    }

    /// A panel of the whole network's picture.
    public struct NetworkPanel: Sendable {
        /// Its title.
        public let title: String
        /// The subcomponent; nil for the target and the sum.
        public let component: Int?
        /// Its lines.
        public let lines: [NetworkLine]
    }

    /// The target, the sum of all subcomponents, and those whose norms in linear1 and the hidden layers together exceed
    /// the threshold, by index; each panel and layer has its own scale.
    ///
    /// A subcomponent is shown where its norm is larger: in linear1, or in the hidden layers.
    public var networkPanels: [NetworkPanel] {
        let layers = hidden.compactMap { $0 }
        guard layers.count == target.hiddenLayers.count else { return [] }
        let linearNorms = subnets.norms
        // Decompositions from elsewhere may have other numbers of subcomponents in other modules.
        let hiddenNorms = linearNorms.indices.map { component in
            layers.reduce(0) { $0 + (component < $1.count ? $1.norms[component] : 0) }
        }
        let shown = linearNorms.indices.filter { linearNorms[$0] + hiddenNorms[$0] > Self.subnetThreshold }
        return [
            NetworkPanel(
                title: "Target model", component: nil,
                lines: lines(linear: targetWeights, hidden: target.hiddenLayers.map(\.transposed))),
            NetworkPanel(
                title: "Sum of components", component: nil,
                lines: lines(linear: subnets.sum, hidden: layers.map(\.sum))),
        ]
            + shown.map { component in
                let isLinear = layers.isEmpty || linearNorms[component] > hiddenNorms[component]
                return NetworkPanel(
                    title: "Subcomponent \(component)", component: component,
                    lines: lines(
                        linear: isLinear ? subnets[component] : nil,
                        hidden: isLinear ? [] : layers.filter { component < $0.count }.map { $0[component] }))
            }
    }

    /// The target, the sum of all subcomponents, and each module's subcomponents on their own, by index.
    ///
    /// Where weights are tied, one of linear1 is one of linear2 as well, transposed.
    ///
    /// - Parameter smallestShare: Of a smaller share of its module's largest norm a subcomponent is left out.
    /// - Returns: The panels.
    public func modulePanels(smallestShare: Double) -> [NetworkPanel] {
        let none = [Tensor?](repeating: nil, count: hidden.count)
        func own(_ module: String, _ matrices: RankOneMatrices?, _ layers: (Tensor) -> [Tensor?]) -> [NetworkPanel] {
            guard let matrices else { return [] }
            let norms = matrices.norms
            let least = smallestShare * (norms.max() ?? 0)
            return norms.indices.filter { norms[$0] > 0 && norms[$0] >= least }.map {
                NetworkPanel(title: "\(module): \($0)", component: $0, lines: lines(layers(matrices[$0])))
            }
        }
        let sum = subnets.sum
        return [
            NetworkPanel(
                title: "Target model", component: nil,
                lines: lines([targetWeights] + target.hiddenLayers.map(\.transposed) + [target.linear2.transposed])),
            NetworkPanel(
                title: "Sum of components", component: nil,
                lines: lines(
                    [sum] + hidden.map { $0?.sum } + [target.tiedWeights ? sum.transposed : linear2?.sum])),
        ]
            + own("linear1", subnets) { [$0] + none + [target.tiedWeights ? $0.transposed : nil] }
            + hidden.enumerated().flatMap { layer, matrices in
                own("hidden_layers.\(layer)", matrices) { weights in
                    [nil] + hidden.indices.map { $0 == layer ? weights : nil } + [nil]
                }
            }
            + own("linear2", linear2) { [nil] + none + [$0] }
    }

    /// The lines of weights (from, to) between one row of nodes and the next; none if there are no weights.
    private func lines(_ layers: [Tensor?]) -> [NetworkLine] {
        let outer = NetworkPicture.spaced(0.1, 0.9, targetWeights.shape[0])
        let inner = NetworkPicture.spaced(0.2, 0.8, targetWeights.shape[1])
        return layers.enumerated().flatMap { layer, weights -> [NetworkLine] in
            guard let weights else { return [] }
            return NetworkPicture.lines(
                weights, largest: 1, from: (layer == 0 ? outer : inner, -Double(layer)),
                to: (layer == layers.count - 1 ? outer : inner, -Double(layer) - 1))
        }
    }

    private func lines(linear: Tensor?, hidden: [Tensor]) -> [NetworkLine] {
        let outer = NetworkPicture.spaced(0.1, 0.9, targetWeights.shape[0])
        let inner = NetworkPicture.spaced(0.2, 0.8, targetWeights.shape[1])
        let last = -Double(1 + target.hiddenLayers.count)
        func largest(_ weights: Tensor) -> Float { weights.values.reduce(0) { max($0, abs($1)) } }
        var lines: [NetworkLine] = []
        if let linear {
            lines += NetworkPicture.lines(linear, largest: largest(linear), from: (outer, 0), to: (inner, -1))
        }
        for (layer, weights) in hidden.enumerated() where largest(weights) > Self.visible {
            let y = -1 - Double(layer)
            lines += NetworkPicture.lines(weights, largest: largest(weights), from: (inner, y), to: (inner, y - 1))
                .filter { $0.strength > Double(Self.visible) }
        }
        if let linear {
            lines += NetworkPicture.lines(
                linear.transposed, largest: largest(linear), from: (inner, last), to: (outer, last - 1))
        }
        return lines
    }

    /// Weaker connections than this are not drawn in hidden layers.
    private static let visible: Float = 0.01
}
