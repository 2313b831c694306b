import Analysis
import Artifacts
import JSON
import Kernels

extension FigureCaseNumbers {
    /// Adds counts and edges.
    mutating func add(_ bins: EqualBins, _ name: String) {
        add("core", whole: name + ".counts", .init(shape: [bins.counts.count], bins.counts.map { Int64($0) }))
        add("core", whole: name + ".edges", .init(shape: [bins.edges.count], bins.edges))
    }

    /// Adds titles and ranges of the heat maps, as the published tool draws them.
    mutating func addHeatMaps(
        _ maps: FeatureDecomposition.CausalImportances, _ tensors: StateDict, modules: [String]
    ) {
        func range(_ tensors: some Sequence<Tensor>) -> (low: Float, high: Float) {
            let extents = tensors.map(\.extent)
            return (extents.map(\.low).min() ?? 0, extents.map(\.high).max() ?? 0)
        }
        func heatMap(_ title: String, _ maps: [String: Tensor], _ colors: String) -> JSONValue {
            let (low, high) = range(maps.values)
            return .object([
                "suptitle": .string(title + " - Input magnitude: 0.75"), "vmin": .number(Double(low)),
                "vmax": .number(Double(high)), "cmap": .string(colors), "panel_order": .strings(modules),
            ])
        }
        set("causal_importances", heatMap("Importance values lower leaky relu", maps.ci, "Blues"))
        set("causal_importances_upper_leaky", heatMap("Importance values", maps.ciUpper, "Reds"))
        let (low, high) = range(tensors.filter { $0.key.hasPrefix("components.") }.map(\.value))
        set(
            "UV_matrices",
            .object([
                "titles": .strings(modules.sorted().flatMap { ["\($0) (V matrix)", "\($0) (U matrix)"] }),
                "vmin": .number(Double(low)), "vmax": .number(Double(high)), "cmap": "coolwarm",
            ]))
    }
}
