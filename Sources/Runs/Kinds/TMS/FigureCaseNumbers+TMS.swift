import Analysis
import Artifacts
import JSON
import Kernels

extension FigureCaseNumbers {
    /// Adds the analysis of a toy model of superposition.
    mutating func add(_ target: TMSTarget, _ tensors: StateDict) {
        if let analysis = TMSAnalysis(target, tensors) { add(analysis) }
        let representation = TMSRepresentation(target)
        let pairs = TMSRepresentation.pairwiseCosines(target)
        add("tms.target.own_output", Tensor(shape: [target.features], values: representation.outputs))
        add("tms.target.vectors", target.linear1.transposed)
        add("tms.target.pairwise_cosine", Tensor(shape: [pairs.count], values: pairs))
        let spread = Spread(representation.outputs)
        let (low, high) = Tensor(shape: [target.features], values: representation.outputs).extent
        set(
            "target_representation",
            .object([
                "input": .number(Double(TMSRepresentation.input)), "mean": .number(spread.mean),
                "std": .number(spread.deviation), "min": .number(Double(low)), "max": .number(Double(high)),
                "well": .number(representation.well.count), "moderate": .number(representation.moderate.count),
                "poor": .number(representation.poor.count),
            ]))
    }

    private mutating func add(_ name: String, _ tensor: Tensor) {
        add("analysis", whole: name, .init(shape: tensor.shape, tensor.values))
    }

    private mutating func add(_ name: String, indices: [Int]) {
        add("analysis", whole: name, .init(shape: [indices.count], indices.map { Int64($0) }))
    }

    private mutating func add(_ analysis: TMSAnalysis) {
        let (features, hidden) = (analysis.targetWeights.shape[0], analysis.targetWeights.shape[1])
        func perFeature(_ values: [Float]) -> Tensor { Tensor(shape: [features], values: values) }
        add("tms.subnets", analysis.subnets.all)
        add("tms.cosine", analysis.cosines)
        add("tms.max_cosine", perFeature(analysis.maxCosines))
        add("tms.figure.cosine_bars", perFeature(analysis.maxCosines))
        add("tms.max_index", indices: analysis.maxIndices)
        add("tms.weights_at_max", analysis.weightsAtMax)
        add("tms.l2_ratio", perFeature(analysis.lengthRatios))
        add("tms.norm", Tensor(shape: [analysis.norms.count], values: analysis.norms.map { Float($0) }))
        add("tms.norm_order", indices: analysis.normOrder)
        let panels = analysis.panels
        let ends = panels.flatMap { panel in
            (0..<features).flatMap { row in (0..<min(hidden, 2)).map { panel.weights.values[row * hidden + $0] } }
        }
        add("tms.figure.vectors", Tensor(shape: [panels.count, features, min(hidden, 2)], values: ends))
        if analysis.target.hiddenLayers.isEmpty {
            let lines = analysis.networkLines
            add(
                "tms.figure.network_lines",
                Tensor(
                    shape: [lines.count, lines.first?.count ?? 0, 7], values: lines.flatMap { $0.flatMap(\.numbers) }))
        }
        let networks = analysis.networkPanels
        let lines = networks.enumerated().flatMap { panel, network in
            network.lines.map { [Float(panel)] + $0.numbers }
        }
        if !networks.isEmpty {
            add("tms.figure.full_network_lines", Tensor(shape: [lines.count, 8], values: lines.flatMap { $0 }))
            set("full_network_titles", .strings(networks.map(\.title)))
        }
        if let layer = analysis.firstHiddenLayer {
            add("tms.hidden.order", indices: layer.order)
            add("tms.hidden.norm_sorted", Tensor(shape: [layer.norms.count], values: layer.norms.map { Float($0) }))
            add(
                "tms.figure.hidden_layers",
                Tensor(
                    shape: [layer.panels.count, hidden, hidden], values: layer.panels.flatMap(\.weights.values)))
            set("hidden_layers_titles", .strings(layer.panels.map(\.title)))
        }
        let (cosines, ratios) = (Spread(analysis.maxCosines), Spread(analysis.lengthRatios))
        set(
            "thresholds",
            .object([
                "subnet_norm": .number(TMSAnalysis.subnetThreshold),
                "hidden_layer": .number(TMSAnalysis.hiddenThreshold),
            ]))
        set("significant", .integers(analysis.significant))
        set(
            "summary",
            .object([
                "mean_max_cosine": .number(cosines.mean), "std_max_cosine": .number(cosines.sampleDeviation),
                "mean_l2_ratio": .number(ratios.mean), "std_l2_ratio": .number(ratios.sampleDeviation),
            ]))
        set("vectors_titles", .strings(panels.map(\.title)))
        set(
            "vector_colors",
            .array(
                NetworkPicture.spaced(0, 1, features).map { place in
                    let color = Viridis.color(place)
                    return .numbers([color.red, color.green, color.blue, 1])
                }))
    }
}

extension NetworkLine {
    /// The line as the published tool's figures have it.
    fileprivate var numbers: [Float] {
        let style = style
        return [from.x, from.y, to.x, to.y, style.width, style.opacity, style.grey].map { Float($0) }
    }
}
