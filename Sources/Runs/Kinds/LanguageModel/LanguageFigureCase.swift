import Analysis
import Artifacts
import Foundation
import JSON
import Kernels

/// The numbers behind the figures of a language model's decompositions: one of the embedding alone, one of layers.
struct LanguageFigureCase {
    private let name: String
    private let model: Transformer
    private let batches: GivenFile
    /// The decomposition of the embedding alone, if there is one.
    private let embedding: StateDict?
    /// The decomposition of layers; the embedding's if there is no other.
    private let layers: StateDict
    private let threads: Int

    init(_ target: GivenFile, files: FigureCase, threads: Int) throws {
        name = target.contents.metadata["case"] ?? ""
        model = try target.transformer()
        batches = try files.file("batches.safetensors")
        let names = try files.names(beginningWith: "decomposition")
        let own = names.filter { $0.hasPrefix("decomposition.embedding") }
        guard !names.isEmpty else { throw RunError.invalid("there is no decomposition.safetensors") }
        let others = names.filter { !own.contains($0) }
        layers = try files.tensors(of: others.isEmpty ? own : others)
        if !own.isEmpty {
            embedding = try files.tensors(of: own)
        } else {
            embedding = GivenSubcomponents(layers).modules == [model.shape.embedding] ? layers : nil
        }
        self.threads = threads
    }

    func numbers() throws -> FigureCaseNumbers {
        var numbers = FigureCaseNumbers(case: name)
        if let embedding { addEmbedding(try masks(embedding), &numbers) }
        try addLayers(layers, &numbers)
        return numbers
    }

    /// The causal importances of each token on its own (vocabulary, C).
    private func masks(_ tensors: StateDict) throws -> Tensor {
        let vocabulary = model.shape.vocabulary
        let batch = TokenBatch(rows: vocabulary, length: 1, tokens: (0..<vocabulary).map { Int32($0) })
        let (_, ci) = try importances(tensors, of: batch)
        guard let masks = ci[model.shape.embedding] else { throw KernelError.missingTensor(name: "ci") }
        return Tensor(shape: [vocabulary, masks.shape[2]], values: masks.values)
    }

    private func importances(
        _ tensors: StateDict, of batch: TokenBatch
    ) throws -> (modules: [String], ci: [String: Tensor]) {
        let given = GivenSubcomponents(tensors)
        var settings = DecompositionSettings(
            subcomponents: given.subcomponents, maskSamples: 1, gateNeurons: given.gateNeurons, sigmoid: .leakyHard,
            modulePatterns: given.modules, coefficients: LossCoefficients(importanceMinimality: 0), pnorm: 1,
            outputLoss: .kl, steps: 0, batchSize: batch.rows, learningRate: LearningRate(peak: 0, schedule: .constant),
            seed: 0)
        settings.interpolatesGates = false
        let decomposition = try LanguageDecomposition(
            target: model, tokens: GivenTokens(batches: [batch]), settings: settings, logsCrossEntropy: false,
            threads: threads)
        try decomposition.setTrainedTensors(tensors)
        return (decomposition.moduleNames, try decomposition.causalImportances(of: batch).ci)
    }

    private func addEmbedding(_ masks: Tensor, _ numbers: inout FigureCaseNumbers) {
        let embedding = EmbeddingTokens(masks)
        numbers.add("lm", "embedding.masks", masks)
        numbers.add(
            ColumnOrder(masks), "lm", name: "lm.embedding.order", unique: "lm.embedding.order_is_unique")
        numbers.set(
            "embedding_histograms",
            .array(
                EmbeddingTokens.shownTokens.filter { $0 < masks.shape[0] }.map { token in
                    let bins = EqualBins(embedding.values(of: token))
                    return .object([
                        "token": .number(token), "ylabel": .string("Freq for token \(token)"),
                        "counts": .integers(bins.counts), "first_edge": .number(bins.edges.first ?? 0),
                        "last_edge": .number(bins.edges.last ?? 0),
                    ])
                }))
        numbers.set("n_components_over_0.1_anywhere", .number(Activity.alive(masks)))
    }

    private func addLayers(_ tensors: StateDict, _ numbers: inout FigureCaseNumbers) throws {
        let (modules, ci) = try importances(tensors, of: batches.tokens("tokens"))
        var evaluations: [[String: Tensor]] = []
        while batches.contents.arrays["eval.\(evaluations.count)"] != nil {
            evaluations.append(
                try importances(tensors, of: batches.tokens("eval.\(evaluations.count)")).ci)
        }
        numbers.set("viewer_layers", .strings(modules.sorted()))
        var (active, l0, means): ([JSONValue.Member], [JSONValue.Member], [JSONValue.Member]) = ([], [], [])
        for module in modules {
            guard let ci = ci[module] else { continue }
            let activity = Activity(evaluations.compactMap { $0[module] })
            numbers.add("lm", "ci.\(module)", ci)
            numbers.add(
                "lm", "activation.\(module)", Tensor(shape: [activity.fractions.count], values: activity.fractions))
            active.append(.init(module, .array(ActivePlaces.active(ci, row: 0).map { .integers($0) })))
            l0.append(.init(module, .number(Activity.l0(ci))))
            means.append(.init(module, .number(activity.meanActive)))
        }
        numbers.set("viewer_active", .object(active))
        if let ci = ci[model.shape.embedding] { numbers.addSamples(ActivePlaces.samples(ci)) }
        numbers.set("ci_l0", .object(l0))
        numbers.set("mean_n_active_per_token", .object(means))
    }
}

extension FigureCaseNumbers {
    /// Adds the published table of the embedding's values.
    fileprivate mutating func addSamples(_ samples: [[Float]]) {
        let values = 10
        let rows = samples.enumerated().map { place, row in
            ["\(place)"] + row.map { String(format: "%.2f", Double($0)) }
                + Array(repeating: "0", count: values - row.count)
        }
        set(
            "embed_ci_sample",
            .object([
                "columns": .strings(["TokenSample"] + Array(repeating: "CompVal", count: values)),
                "data": .array(rows.map { .strings($0) }),
            ]))
    }
}
