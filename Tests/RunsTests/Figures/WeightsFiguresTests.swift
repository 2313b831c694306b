import Analysis
import Artifacts
import Figures
import Foundation
import Kernels
import TestFiles
import Testing

@testable import Runs

/// What is drawn from a decomposition's weights alone.
@Suite struct WeightsFiguresTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ arrays: [String: SafeTensors.Array]) throws -> PublishedWeights {
        let path = folder.path + "/model_5.safetensors"
        try SafeTensors(arrays: arrays).write(to: path)
        return try PublishedWeights(path: path)
    }

    /// A TMS model (features 3) with subcomponents that sum to its first matrix.
    private func tms(hidden: Int, hiddenLayers: Int = 0) throws -> PublishedWeights {
        let weight = (0..<hidden * 3).map { Float($0) / 4 - 0.5 }
        let transposed = (0..<3).flatMap { f in (0..<hidden).map { weight[$0 * 3 + f] } }
        var arrays: [String: SafeTensors.Array] = [
            "model.linear1.weight": .init(shape: [hidden, 3], weight),
            "model.linear2.weight": .init(shape: [3, hidden], transposed),
            "model.linear2.bias": .init(shape: [3], [0, 0, 0] as [Float]),
            // V is the identity, so that U is the matrix transposed.
            "components.linear1.V": .init(shape: [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1] as [Float]),
            "components.linear1.U": .init(shape: [3, hidden], transposed),
        ]
        for layer in 0..<hiddenLayers {
            let square = (0..<hidden * hidden).map { $0 % (hidden + 1) == 0 ? Float(1) : 0 }
            arrays["model.hidden_layers.\(layer).weight"] = .init(shape: [hidden, hidden], square)
            arrays["components.hidden_layers-\(layer).V"] = .init(shape: [hidden, hidden], square)
            arrays["components.hidden_layers-\(layer).U"] = .init(shape: [hidden, hidden], square)
        }
        return try write(arrays)
    }

    @Test func aModelWithTwoHiddenUnitsIsDrawnInTheirPlane() throws {
        let figures = try WeightsFigures(tms(hidden: 2), corner: "abc, step 5").analysis
        #expect(
            figures.map(\.name) == [
                "feature_representation_analysis", "polygon", "cosine_similarity_distribution", "tms_vectors",
                "tms_combined_diagram", "cosine_similarity_analysis",
            ])
        #expect(figures.allSatisfy { $0.corner == "abc, step 5" })
        let vectors = try #require(figures.first { $0.name == "tms_vectors" })
        #expect(vectors.panels.map(\.title).prefix(2) == ["Target model", "Sum of components"])
        let cosines = try #require(figures.last)
        let heights = try #require(cosines.arrays.first { $0.name == "Direction/0/heights" })
        #expect(heights.values.allSatisfy { abs($0 - 1) < 1e-5 }, "the subcomponents are the columns")
        let cairo = try Cairo()
        for figure in figures {
            #expect(try figure.png(cairo).count > 1000, "\(figure.name)")
            #expect(try figure.pdf(cairo).starts(with: Array("%PDF-".utf8)), "\(figure.name)")
            #expect(try figure.svg(cairo).hasSuffix("</svg>\n"), "\(figure.name)")
        }
    }

    @Test func subcomponentsOfTinyNormAreLeftOutAndCounted() throws {
        var arrays = try SafeTensors(contentsOf: tms(hidden: 2).path).arrays
        // The second is 3 % of what it was: over the published threshold, and noise.
        arrays["components.linear1.V"] = .init(shape: [3, 3], [1, 0, 0, 0, 0.03, 0, 0, 0, 1] as [Float])
        let figures = try WeightsFigures(write(arrays), corner: "").analysis
        let vectors = try #require(figures.first { $0.name == "tms_vectors" })
        #expect(
            vectors.panels.map(\.title)
                == ["Target model", "Sum of components", "Subcomponent 2", "Subcomponent 0"])
        guard case .plot(let sum) = vectors.panels[1] else { throw RunError.failed("no plot") }
        #expect(sum.note.hasPrefix("1 left out: norms up to "))
    }

    @Test func ofManySubcomponentsTheLargestAreDrawnAndTheOthersCounted() throws {
        let c = 60
        var arrays = try SafeTensors(contentsOf: tms(hidden: 2, hiddenLayers: 1).path).arrays
        for (module, inputs) in [("linear1", 3), ("hidden_layers-0", 2)] {
            arrays["components.\(module).V"] = .init(
                shape: [inputs, c], (0..<inputs * c).map { 0.5 + Float($0 % c) / 100 })
            arrays["components.\(module).U"] = .init(shape: [c, 2], (0..<2 * c).map { _ in 0.5 as Float })
        }
        let figures = try WeightsFigures(write(arrays), corner: "").analysis
        for (name, count) in [("tms_vectors", 60), ("tms_full_network", 120), ("tms_hidden_layers", 60)] {
            let figure = try #require(figures.first { $0.name == name })
            #expect(figure.panels.count == 36)
            #expect(figure.title.hasSuffix("; the largest 34 of \(count) subcomponents"))
            let png = try figure.png(Cairo())
            let height = png[20..<24].reduce(0) { $0 << 8 | Int($1) }
            #expect(height < 3240, "three screens")
        }
        let vectors = try #require(figures.first { $0.name == "tms_vectors" })
        #expect(vectors.panels[2].title == "Subcomponent 59" && vectors.panels[35].title == "Subcomponent 26")
        let tags = try #require(vectors.arrays.first { $0.name == "Target model/3/feature" })
        #expect(tags.values == [1], "the second line is the second feature")
    }

    @Test func hiddenLayersHaveAFigureAndMoreUnitsNoPlane() throws {
        #expect(
            try WeightsFigures(tms(hidden: 2, hiddenLayers: 1), corner: "").analysis.map(\.name).suffix(4) == [
                "tms_vectors", "tms_full_network", "tms_hidden_layers", "cosine_similarity_analysis",
            ])
        #expect(
            try WeightsFigures(tms(hidden: 4), corner: "").analysis.map(\.name) == [
                "feature_representation_analysis", "cosine_similarity_distribution", "cosine_similarity_analysis",
            ])
    }

    /// The lines of a network's panel that are not its legend, as (from y, to y).
    private func rows(_ panel: Panel) -> Set<[Double]> {
        guard case .plot(let plot) = panel else { return [] }
        return Set(
            plot.layers.compactMap { layer in
                guard case .line(_, let y, _, _) = layer, !y.isEmpty else { return nil }
                return y
            })
    }

    @Test func aNetworkShowsEachModulesSubcomponentsApart() throws {
        let figures = try WeightsFigures(tms(hidden: 2, hiddenLayers: 1), corner: "").analysis
        let network = try #require(figures.first { $0.name == "tms_full_network" })
        #expect(
            network.panels.map(\.title) == [
                "Target model", "Sum of components", "linear1: 0", "linear1: 1", "linear1: 2", "hidden_layers.0: 0",
                "hidden_layers.0: 1",
            ])
        #expect(rows(network.panels[0]) == [[0, -1], [-1, -2], [-2, -3]])
        #expect(rows(network.panels[1]) == rows(network.panels[0]), "tied: linear1's sum is linear2's")
        #expect(rows(network.panels[2]) == [[0, -1], [-2, -3]])
        #expect(rows(network.panels[5]) == [[-1, -2]])
        guard case .plot(let target) = network.panels[0] else { throw RunError.failed("no plot") }
        // What a network shows is its weights; they are among the arrays, and told where a line is pointed at.
        let arrays = Dictionary(uniqueKeysWithValues: network.arrays.map { ($0.name, $0.values) })
        let last = try #require(target.tags.last { $0.label == "weight" })
        #expect(
            arrays["Target model/\(last.layer)/weight"] == [1],
            "the strongest is drawn last: hidden layers are the identity")
        #expect(arrays["Target model/\(last.layer)/from"] == arrays["Target model/\(last.layer)/to"])
        let places = try #require(network.hoverAreas.first)
        let json = String(decoding: try JSONEncoder().encode(places), as: UTF8.self)
        #expect(json.contains(#""label":"weight""#) && json.contains(#""label":"from""#), "\(json)")
        let names = target.layers.compactMap { if case .line(_, _, _, let name) = $0 { name } else { nil } }
        #expect(names.filter { !$0.isEmpty } == ["positive", "negative (dashed)"])
    }

    @Test func aNetworkWhoseWeightsAreNotTiedShowsLinear2sOwnSubcomponents() throws {
        var arrays = try SafeTensors(contentsOf: tms(hidden: 2).path).arrays
        arrays["model.linear2.weight"] = .init(shape: [3, 2], [1, 0, 0, -1, 0, 0] as [Float])
        arrays["components.linear2.V"] = .init(shape: [2, 2], [1, 0, 0, 1] as [Float])
        arrays["components.linear2.U"] = .init(shape: [2, 3], [1, 0, 0, 0, -1, 0] as [Float])
        let figures = try WeightsFigures(write(arrays), corner: "").analysis
        let network = try #require(figures.first { $0.name == "tms_combined_diagram" })
        #expect(network.panels.map(\.title).suffix(3) == ["linear1: 2", "linear2: 0", "linear2: 1"])
        #expect(rows(network.panels[0]) == [[0, -1], [-1, -2]])
        #expect(rows(network.panels[2]) == [[0, -1]])
        #expect(rows(network.panels[5]) == [[-1, -2]])
        guard case .plot(let target) = network.panels[0] else { throw RunError.failed("no plot") }
        let below = target.layers.filter { if case .line(_, let y, _, _) = $0 { y == [-1, -2] } else { false } }
        #expect(below.count == 2, "the target's own weights, two of them not zero")
    }

    @Test func aResidualMLPsNeuronsAreDrawnAgainstTheTargets() throws {
        let (features, width, neurons) = (4, 3, 2)
        func numbers(_ count: Int, _ seed: Float) -> [Float] {
            (0..<count).map { (Float($0) * seed).truncatingRemainder(dividingBy: 1) - 0.4 }
        }
        let embedding = Tensor(shape: [features, width], values: numbers(features * width, 0.37))
        let input = Tensor(shape: [neurons, width], values: numbers(neurons * width, 0.61))
        let output = Tensor(shape: [width, neurons], values: numbers(neurons * width, 0.23))
        func identity(_ size: Int) -> SafeTensors.Array {
            .init(shape: [size, size], (0..<size * size).map { $0 % (size + 1) == 0 ? Float(1) : 0 })
        }
        func array(_ tensor: Tensor) -> SafeTensors.Array { .init(shape: tensor.shape, tensor.values) }
        let weights = try write([
            "model.W_E": array(embedding), "model.W_U": array(embedding.transposed),
            "model.layers.0.mlp_in.weight": array(input), "model.layers.0.mlp_out.weight": array(output),
            "components.layers-0-mlp_in.V": identity(width), "components.layers-0-mlp_in.U": array(input.transposed),
            "components.layers-0-mlp_out.V": identity(neurons),
            "components.layers-0-mlp_out.U": array(output.transposed),
        ])
        let figures = try WeightsFigures(weights, corner: "").analysis
        #expect(
            figures.map(\.name) == [
                "resid_mlp_weights", "neuron_contribution_pairs", "feature_responses", "feature_response_single",
                "feature_response_curve", "feature_response_curves",
            ])
        let responses = try #require(figures.first { $0.name == "feature_responses" })
        #expect(
            responses.panels.map(\.title) == ["Target model", "Sum of subcomponents"], "without a config, no gates")
        let (target, sum) = (responses.arrays[0].values, responses.arrays[1].values)
        #expect(zip(target, sum).allSatisfy { abs($0 - $1) < 1e-5 }, "the subcomponents sum to the weights")
        let reading = embedding.times(input.transposed).values
        let writing = output.transposed.times(embedding.transposed).values
        let pairs = try #require(figures[1].arrays.first { $0.name == "layer 0/x" })
        #expect(
            figures[1].arrays.first { $0.name == "layer 0/neuron" }?.values
                == (0..<features).flatMap { _ in (0..<neurons).map { Float($0) } })
        #expect(figures[0].arrays.contains { $0.name == "Winning subcomponents, by feature/subcomponents" })
        for (place, value) in pairs.values.enumerated() {
            let (feature, neuron) = (place / neurons, place % neurons)
            #expect(abs(value - reading[feature * neurons + neuron] * writing[neuron * features + feature]) < 1e-6)
        }
        for figure in figures { #expect(try figure.png(Cairo()).count > 1000, "\(figure.name)") }
    }

    @Test func aNonlinearityIsThatOfTheTrainingBesideTheWeights() throws {
        let square = SafeTensors.Array(shape: [2, 2], [1, 0, 0, 1] as [Float])
        var arrays = ["model.W_E": square, "model.W_U": square]
        for matrix in ["mlp_in", "mlp_out"] {
            arrays["model.layers.0.\(matrix).weight"] = square
            for part in ["V", "U"] { arrays["components.layers-0-\(matrix).\(part)"] = square }
        }
        _ = try write(arrays)
        let assumed = try FigureSource(folder.path).figures()
        #expect(assumed.allSatisfy { !$0.name.hasPrefix("feature_response") || $0.title.hasSuffix("; relu assumed") })
        // What the published tool leaves beside a decomposition.
        let training = """
            resid_mlp_config: {n_features: 2, d_embed: 2, d_mlp: 2, n_layers: 1, act_fn_name: gelu, in_bias: false, out_bias: false}
            feature_probability: 0.1
            batch_size: 8
            steps: 10
            print_freq: 5
            lr: 0.01
            """
        try training.write(
            toFile: folder.path + "/resid_mlp_train_config.yaml", atomically: true, encoding: .utf8)
        let figures = try FigureSource(folder.path).figures()
        #expect(figures.allSatisfy { !$0.title.contains("assumed") })
        let curve = try #require(figures.first { $0.name == "feature_response_curve" })
        let found = try #require(curve.arrays.first { $0.name == "Target model/y" })
        #expect(abs((found.values.last ?? 0) - 0.8413447) < 1e-5, "gelu(1)")
    }

    @Test func aTargetWhoseTensorsDoNotFitTogetherIsTold() throws {
        let weights = try write([
            "model.linear1.weight": .init(shape: [2, 3], [1, 2, 3, 4, 5, 6] as [Float]),
            "model.linear2.weight": .init(shape: [3, 2], [1, 2, 3, 4, 5, 6] as [Float]),
            "components.linear1.V": .init(shape: [3, 1], [1, 2, 3] as [Float]),
            "components.linear1.U": .init(shape: [1, 2], [1, 2] as [Float]),
        ])
        let error = #expect(throws: RunError.self) { try WeightsFigures(weights, corner: "").analysis }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("model_5.safetensors") && text.contains("linear2.bias"), "\(text)")
        #expect(throws: RunError.self) { try WeightsReport.json(weights) }
    }

    @Test func anotherKindOfTargetHasNoneAndThatIsTold() throws {
        let square = SafeTensors.Array(shape: [2, 2], [1, 0, 0, 1] as [Float])
        let weights = try write([
            "model.wte.weight": square, "components.wte.V": square, "components.wte.U": square,
        ])
        #expect(try WeightsFigures(weights, corner: "").analysis.isEmpty)
        let error = #expect(throws: RunError.self) { try FigureSource(weights.path).figures() }
        #expect("\(error.map { "\($0)" } ?? "")".contains("this is neither"))
    }
}
