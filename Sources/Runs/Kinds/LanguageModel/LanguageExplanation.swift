import Artifacts
public import Experiments
import Foundation
import Hub
import JSON
import Kernels
import LanguageData
public import Layout
import Tokenizers

/// Which subcomponents of a language model's decomposition matter at which tokens of a text.
///
/// Nothing is trained, downloaded or encoded for it: what is not in the cache any more is an error.
public struct LanguageExplanation {
    /// What is looked at.
    public enum Text: Sendable, Equatable {
        /// Rows of the split that a run looks at, from one on.
        case rows(first: Int, count: Int)
        /// The text that the user typed.
        case typed(String)
    }

    /// Smaller importances than this are left out.
    private static let least: Float = 0.01
    /// The most subcomponents given for one position in one module; the largest come first.
    private static let mostPerPlace = 48
    /// The limit for all importances of a request, in numbers.
    private static let mostNumbers = 48 << 20

    private let config: ExperimentConfig
    private let model: Transformer
    private let weights: PublishedWeights
    private let tokenizer: Tokenizer
    private let split: TokenRows?
    private let length: Int
    private let threads: Int

    /// Finds what a run has decomposed.
    ///
    /// - Parameters:
    ///   - config: The run's config.
    ///   - target: How its target was trained, where it was trained here.
    ///   - targetFiles: Where its target and text are, as its spec says.
    ///   - path: A file of its weights.
    ///   - text: The text to explain.
    ///   - cache: The cache.
    ///   - threads: Threads.
    /// - Throws: `RunError` with what is missing or wrong.
    public init(
        _ config: ExperimentConfig, target: TargetConfig?, targetFiles: String?, weights path: String, text: Text,
        cache: CacheFolder, threads: Int
    ) throws {
        guard let data = config.taskConfig.text else {
            throw RunError.invalid("only decompositions of language models have tokens to look at")
        }
        let hub = cache.offlineHub
        let sources = try LanguageSources(keptFor: config, target, targetFiles, cache, hub)
        self.config = config
        self.threads = threads
        model = try LanguageModelFolder(path: sources.model).load(className: config.pretrainedModelClass)
        tokenizer = try Tokenizer(
            folder: try config.tokenizerName.map { try hub.model($0, needsWeights: false).folder } ?? sources.model)
        weights = try PublishedWeights(path: path)
        length = min(data.maxSeqLen, model.shape.positions?.count ?? data.maxSeqLen)
        guard case .rows = text else {
            split = nil
            return
        }
        split = TokenRows(
            try TokenFile(folder: sources.evaluation ?? sources.training), length: length, order: .asWritten)
    }

    /// The importances, as JSON: of each row its tokens, and of each module and token the subcomponents that matter.
    ///
    /// - Throws: `RunError` for a text without tokens, or one that is too long to explain at once.
    public func json(of text: Text) throws -> String {
        let batch = try batch(text)
        let given = GivenSubcomponents(weights.tensors)
        let numbers = batch.rows * batch.length * given.modules.count * given.subcomponents
        guard numbers <= Self.mostNumbers else {
            throw RunError.invalid(
                "\(batch.rows) rows of \(batch.length) tokens have \(numbers) importances; "
                    + "\(max(1, batch.rows * Self.mostNumbers / numbers)) rows at once can be looked at")
        }
        var settings = DecompositionSettings(
            subcomponents: given.subcomponents, maskSamples: 1, gateNeurons: given.gateNeurons,
            sigmoid: try DecompositionSettings(config).sigmoid, modulePatterns: given.modules,
            coefficients: LossCoefficients(importanceMinimality: 0), pnorm: 1, outputLoss: .kl, steps: 0,
            batchSize: batch.rows, learningRate: LearningRate(peak: 0, schedule: .constant), seed: 0)
        settings.interpolatesGates = false
        let decomposition = try LanguageDecomposition(
            target: model, tokens: GivenTokens(batches: [batch]), settings: settings, logsCrossEntropy: false,
            threads: threads)
        try decomposition.setTrainedTensors(weights.tensors)
        let importances = try decomposition.causalImportances(of: batch).ci
        var out = "{\"subcomponents\":\(given.subcomponents),\"rows\":[" + (try tokens(batch)) + "],\"modules\":["
        for (index, module) in decomposition.moduleNames.enumerated() {
            guard let ci = importances[module] else { continue }
            if index > 0 { out += "," }
            out += "{\"name\":\(JSONValue.string(module).text),\"places\":["
            Self.write(ci, batch, to: &out)
            out += "]}"
        }
        return out + "]}"
    }

    private func batch(_ text: Text) throws -> TokenBatch {
        switch text {
        case .typed(let typed):
            let ids = try tokenizer.encode(typed).ids.prefix(length).map { Int32($0) }
            guard !ids.isEmpty else { throw RunError.invalid("there are no tokens in this text") }
            return TokenBatch(rows: 1, length: ids.count, tokens: ids)
        case .rows(let first, let count):
            let available = split?.rowsPerPass ?? 0
            let rows = min(count, available - first)
            guard let pass = split?.pass(0), rows > 0 else {
                throw RunError.invalid("the text has \(available) rows; there is no row \(first)")
            }
            let tokens = [Int32](unsafeUninitializedCapacity: rows * length) { buffer, filled in
                if let base = buffer.baseAddress {
                    for row in 0..<rows { pass.copy(row: first + row, to: base + row * length) }
                }
                filled = rows * length
            }
            return TokenBatch(rows: rows, length: length, tokens: tokens)
        }
    }

    private func tokens(_ batch: TokenBatch) throws -> String {
        try (0..<batch.rows).map { row in
            let words = try (0..<batch.length).map { place in
                let id = UInt32(batch.tokens[row * batch.length + place])
                let text = try tokenizer.decode([id])
                return JSONValue.string(text.isEmpty ? tokenizer.token(id) ?? "" : text)
            }
            return JSONValue.array(words).text
        }.joined(separator: ",")
    }

    /// Of each row and token, pairs of a subcomponent and its importance; positions have them once for all rows.
    private static func write(_ ci: Tensor, _ batch: TokenBatch, to out: inout String) {
        let c = ci.shape[ci.shape.count - 1]
        let rows = ci.values.count / (c * batch.length)
        for row in 0..<batch.rows {
            if row > 0 { out += "," }
            out += "["
            for place in 0..<batch.length {
                if place > 0 { out += "," }
                let start = ((rows == 1 ? 0 : row) * batch.length + place) * c
                let values = ci.values[start..<start + c]
                let active = values.indices.filter { values[$0] >= least }.sorted {
                    (values[$0], $1) > (values[$1], $0)
                }
                out += "["
                for (index, component) in active.prefix(mostPerPlace).enumerated() {
                    if index > 0 { out += "," }
                    out += "\(component - start),\((values[component] * 1000).rounded() / 1000)"
                }
                out += "]"
            }
            out += "]"
        }
    }
}
