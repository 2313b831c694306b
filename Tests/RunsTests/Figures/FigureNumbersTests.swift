import Analysis
import Kernels
import Testing

@testable import Figures
@testable import Runs

struct FigureNumbersTests {
    private let decomposition: FeatureDecomposition
    private let figures: [Figure]

    init() throws {
        let weight = Tensor(shape: [2, 3], values: [1, -0.5, 0.2, 0.1, 0.8, -0.9])
        let target = try TMSTarget(
            stateDict: [
                "linear1.weight": weight, "linear2.weight": weight.transposed, "linear2.bias": Tensor(zeros: [3]),
            ], shape: TMSShape(features: 3, hidden: 2, hiddenLayers: 0, tiedWeights: true))
        decomposition = try FeatureDecomposition(
            target: .tms(target),
            data: SparseFeatures(features: 3, activity: .independent(probability: 0.5), lowest: 0),
            settings: DecompositionSettings(
                subcomponents: 5, maskSamples: 1, gateNeurons: 4, sigmoid: .leakyHard, modulePatterns: ["*"],
                coefficients: LossCoefficients(importanceMinimality: 1e-3), pnorm: 1, outputLoss: .mse, steps: 10,
                batchSize: 50, learningRate: LearningRate(peak: 1e-2), seed: 1),
            threads: 1)
        figures = FigureNumbers(try #require(try decomposition.picture(batches: 2) { true })).figures()
    }

    private func heatMaps(_ name: String) throws -> [HeatMap] {
        try #require(figures.first { $0.name == name }).panels.compactMap {
            if case .heatMap(let map) = $0 { map } else { nil }
        }
    }

    private func charts(_ name: String) throws -> [Plot] {
        try #require(figures.first { $0.name == name }).panels.compactMap {
            if case .plot(let plot) = $0 { plot } else { nil }
        }
    }

    /// What one feature at a time lights up.
    private func ofFeatures() throws -> FeatureDecomposition.CausalImportances {
        try decomposition.causalImportances(
            of: Tensor(shape: [3, 3], values: [0.75, 0, 0, 0, 0.75, 0, 0, 0, 0.75]))
    }

    @Test func figuresHaveThePublishedNames() {
        #expect(
            figures.map(\.name) == [
                "mask_vals_linear1", "mask_vals_linear2", "mask_vals", "mean_component_activation_counts",
                "causal_importances",
                "causal_importances_upper_leaky", "UV_matrices",
            ])
    }

    @Test func heatMapsShowEachFeaturesImportancesInOrder() throws {
        let importances = try ofFeatures()
        for (name, values) in [
            ("causal_importances", importances.ci), ("causal_importances_upper_leaky", importances.ciUpper),
        ] {
            let maps = try heatMaps(name)
            #expect(maps.map(\.title) == ["linear1", "linear2"])
            for map in maps {
                let matrix = try #require(values[map.title])
                let order = ColumnOrder(matrix).columns
                #expect(map.matrix == Matrix(matrix.columns(order)))
                #expect(map.columnNames == order.map(String.init), "true indices")
                #expect(map.range == 0...1, "one scale for all steps")
            }
        }
    }

    @Test func vectorsStandInTheOrderOfTheUpperImportances() throws {
        let maps = try heatMaps("UV_matrices")

        #expect(maps.map(\.title) == ["linear1: V", "linear1: U", "linear2: V", "linear2: U"])
        for (index, module) in ["linear1", "linear2"].enumerated() {
            let order = ColumnOrder(try #require(try ofFeatures().ciUpper[module])).columns
            let v = try #require(decomposition.trainedTensors["components.\(module).V"])
            let u = try #require(decomposition.trainedTensors["components.\(module).U"])
            for (map, tensor) in [(maps[2 * index], v), (maps[2 * index + 1], u.transposed)] {
                #expect(map.matrix == Matrix(tensor.columns(order)))
                #expect(map.range.lowerBound == -map.range.upperBound, "white is zero")
            }
        }
    }

    @Test func histogramsCountEveryValueAndSayHowManyAreZeroOrOne() throws {
        let charts = try charts("mask_vals_linear2")
        let heights = charts.flatMap { $0.layers }.compactMap {
            if case .bars(_, let heights, _, _, _) = $0 { heights.reduce(0, +) } else { nil }
        }

        #expect(heights == [50 * 5])
        #expect(charts.first?.note.hasPrefix("250 values: ") == true)
        #expect(try self.charts("mask_vals").map(\.title) == ["linear1", "linear2"])
    }

    @Test func activationsAreSortedOnAxesThatNeverChange() throws {
        let charts = try charts("mean_component_activation_counts")
        #expect(charts.map(\.title) == ["linear1", "linear2"])
        for chart in charts {
            guard case .line(let x, let y, _, _)? = chart.layers.first else { continue }
            #expect(x == (1...5).prefix(x.count).map(Double.init))
            #expect(y == y.sorted(by: >))
            #expect(chart.y.range == 1e-5...1 && chart.y.label == "Share of rows, ci > 0.1")
            let indices = try #require(chart.tags.first { $0.label == "subcomponent" && $0.layer == 1 })
            #expect(indices.values.count == x.count && Set(indices.values).isSubset(of: [0, 1, 2, 3, 4]))
        }
    }

    @Test func eachSubcomponentsNormStandsAboveItsVectors() throws {
        let (v, u) = (
            try #require(decomposition.trainedTensors["components.linear1.V"]),
            try #require(decomposition.trainedTensors["components.linear1.U"])
        )
        let map = try #require(try heatMaps("UV_matrices").first)
        for (place, name) in map.columnNames.enumerated() {
            let c = try #require(Int(name))
            let ofV = (0..<3).reduce(Float(0)) { $0 + v.values[$1 * 5 + c] * v.values[$1 * 5 + c] }
            let ofU = (0..<2).reduce(Float(0)) { $0 + u.values[c * 2 + $1] * u.values[c * 2 + $1] }
            #expect(abs(map.columnBars[place] - (ofV * ofU).squareRoot()) < 1e-6)
        }
    }

    @Test func numbersThatAreNotFiniteAreDrawnAllTheSame() throws {
        var tensors = decomposition.trainedTensors
        for (name, tensor) in tensors {
            tensors[name]?.values = tensor.values.map { $0 * 1e30 }
        }
        try decomposition.setTrainedTensors(tensors)

        let figures = FigureNumbers(try #require(try decomposition.picture(batches: 1) { true })).figures()

        let cairo = try Cairo()
        for figure in figures { #expect(try figure.png(cairo).count > 1000, "\(figure.name)") }
    }

    @Test func numbersThatAreNotToGoOnAreNone() throws {
        #expect(try decomposition.picture(batches: 2, goesOn: { false }) == nil)
    }
}

struct TokenFigureTests {
    /// A language model has no features that could be lit up one at a time.
    @Test func whereInputsAreNoFeaturesThereAreNoHeatMaps() {
        let module = ImportancePicture.Module(
            name: "model.embed_tokens", importances: [0, 0.5, 1, 0.2], activations: [0.25, 1])
        let figures = FigureNumbers(ImportancePicture(modules: [module])).figures()
        #expect(figures.map(\.name) == ["mask_vals_model_embed_tokens", "mean_component_activation_counts"])
    }
}

struct LanguageFigureTests {
    private let names = TokenNames()

    /// Two rows of three tokens; three subcomponents, of which the last is never active.
    private func figures(tokens: Tensor? = nil) -> [Figure] {
        let ci: [Float] = [
            0, 0.2, 0, 0.9, 0, 0, 0, 0, 0,
            0.3, 0.5, 0, 0, 0.8, 0.05, 1, 0, 0,
        ]
        let module = ImportancePicture.Module(
            name: "model.embed_tokens", importances: ci, activations: [0.5, 0.5, 0], tokens: tokens)
        let text = TokenBatch(rows: 2, length: 3, tokens: [7, 8, 9, 4, 5, 6])
        return FigureNumbers(ImportancePicture(modules: [module], text: text), tokenNames: names).figures()
    }

    @Test func eachSubcomponentsStrongestPlacesAreShownInTheirText() throws {
        let figure = try #require(figures().first { $0.name == "component_examples_model_embed_tokens" })
        guard case .text(let text)? = figure.panels.first else { throw Absent() }
        #expect(text.lines.map(\.name) == ["0 (50.0 %)", "", "1 (50.0 %)", ""])
        #expect(text.lines[0].tokens == ["#4", "#5", "#6"] && text.lines[0].focus == 2, "the strongest first")
        #expect(Array(text.values.prefix(3)) == [0.3, 0, 1])
        #expect(text.lines[1].tokens == ["#7", "#8", "#9"] && text.lines[1].focus == 1)
    }

    @Test func eachTokenSaysWhatIsActive() throws {
        let figure = try #require(figures().first { $0.name == "active_per_token" })
        guard case .table(let table)? = figure.panels.first else { throw Absent() }
        #expect(table.rows[0] == ["0", "#7", "1", "1:0.2"] && table.rows[1] == ["1", "#8", "1", "0:0.9"])
        let arrays = figure.arrays
        #expect(arrays.map(\.name) == ["model.embed_tokens/tokens", "model.embed_tokens/values"])
        #expect(arrays[0].values == [7, 8, 9] && arrays[1].shape == [3, 3])
        #expect(arrays[1].values == [0, 0.2, 0, 0.9, 0, 0, 0, 0, 0])
        let summary = try #require(figures().first { $0.name == "active_subcomponents" })
        #expect(summary.arrays.map(\.values) == [[0.5, 0.5, 0]])
        let activations = try #require(figures().first { $0.name == "mean_component_activation_counts" })
        guard case .plot(let chart)? = activations.panels.first else { throw Absent() }
        #expect(chart.y.label == "Share of positions, ci > 0.1" && chart.tags.last?.values == [0, 1])
    }

    @Test func anEmbeddingsTokensStandByTheirStrongestSubcomponent() throws {
        let masks = Tensor(shape: [3, 3], values: [0, 1, 0, 0.5, 0, 0.1, 0.9, 0, 0])
        let all = figures(tokens: masks)
        let figure = try #require(all.first { $0.name == "embedding_masks" })
        guard case .heatMap(let map)? = figure.panels.first else { throw Absent() }
        #expect(map.rowNames == ["#2", "#1", "#0"] && map.columnNames == ["0", "1", "2"])
        #expect(map.matrix.values == [0.9, 0, 0, 0.5, 0, 0.1, 0, 1, 0])
        #expect(all.contains { $0.name == "first_token_histogram" })
        let cairo = try Cairo()
        for figure in all { #expect(try figure.png(cairo).count > 1000, "\(figure.name)") }
    }

    private struct Absent: Error {}
}
