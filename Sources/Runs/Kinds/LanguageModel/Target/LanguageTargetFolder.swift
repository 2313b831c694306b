import Artifacts
import Experiments
import Foundation
import JSON
import Kernels
import LanguageData
import Layout
import TextData
import Tokenizers

/// A language model that is trained here, as a folder of the hub's form: config, weights, tokenizer, and its text.
struct LanguageTargetFolder {
    /// How it is trained.
    let training: LanguageTrainingConfig
    /// The whole training config, which the folder keeps.
    let config: TargetConfig

    /// How many stories a model of the grammar learns and is looked at with.
    private static let stories = (train: 6000, test: 600)
    /// One document in this many of a user's text is kept apart to look at.
    private static let testShare = 10

    /// The folder that holds a trained model's text.
    static func text(of folder: String) -> String { folder + "/text" }

    /// The model's shape.
    ///
    /// - Throws: `RunError.invalid` for sizes that do not fit each other.
    func shape() throws(RunError) -> TransformerShape {
        do {
            return try TransformerShape(config: try ModelConfig(json: configJSON.text, source: "lm_model_config"))
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("lm_model_config: \(error)")
        }
    }

    /// The model's `config.json`.
    var configJSON: JSONValue {
        let model = training.model
        return [
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": .number(model.vocabSize),
            "hidden_size": .number(model.hiddenSize), "intermediate_size": .number(model.intermediateSize),
            "num_hidden_layers": .number(model.numHiddenLayers),
            "num_attention_heads": .number(model.numAttentionHeads),
            "num_key_value_heads": .number(model.numKeyValueHeads), "hidden_act": "silu", "rms_norm_eps": .number(1e-6),
            "max_position_embeddings": .number(training.maxSeqLen), "rope_theta": .number(10000.0),
            "tie_word_embeddings": .bool(model.tieWordEmbeddings), "torch_dtype": "float32",
        ]
    }

    /// Trains the model into a folder that exists and is empty.
    ///
    /// - Returns: False if it was given up.
    /// - Throws: `RunError`, `FileError`, `TextDataError`.
    func train(into folder: String, threads: Int, hooks: RunHooks) throws -> Bool {
        let text = try texts()
        let words = training.textFile == nil ? StoryGrammar.vocabulary : commonWords(text.train)
        try DurableFile.write(configJSON.text + "\n", to: folder + "/config.json")
        try DurableFile.write(WordTokenizer.json(words: words), to: folder + "/tokenizer.json")
        try DurableFile.write(WordTokenizer.config, to: folder + "/tokenizer_config.json")
        try DurableFile.createFolder(Self.text(of: folder))
        for (name, texts) in [("train", text.train), ("test", text.test)] {
            let lines = texts.map { JSONValue.object([.init("text", .string($0))]).text + "\n" }.joined()
            try DurableFile.write(lines, to: "\(Self.text(of: folder))/\(name).jsonl")
        }
        guard let rows = try rows(of: folder, threads: threads) else { return false }
        let shape = try shape()
        let kernel = LanguageTraining(
            shape: shape, steps: training.steps,
            learningRate: LearningRate(peak: training.lr, schedule: .init(training.lrSchedule)),
            weightDecay: training.weightDecay, clippedNorm: training.gradClip)
        var pace = TargetPace()
        let trained = try kernel.train(on: rows, seed: training.seed, threads: threads) { step, loss in
            if let progress = pace.tick(step: step, of: training.steps, loss: loss) { hooks.training(progress) }
            return !hooks.shouldStop()
        }
        guard let trained else { return false }
        hooks.say("the target is trained: cross-entropy \(trained.loss)")
        try SafeTensors(
            arrays: trained.model.weights.mapValues { .init(shape: $0.shape, $0.values) }, metadata: ["format": "pt"]
        ).write(to: folder + "/model.safetensors")
        try DurableFile.write(config.yaml(), to: "\(folder)/\(config.kind.trainingConfigName)")
        let record: JSONValue = ["seed": .number(training.seed), "loss": .number(trained.loss)]
        try DurableFile.write(record.text + "\n", to: TargetsFolder.record(of: folder))
        return true
    }

    /// A model of this shape with random weights, for timing: what a step takes does not depend on how good it is.
    ///
    /// - Throws: `RunError`, `KernelError` for sizes that do not fit each other.
    static func rough(_ shape: TransformerShape) throws -> Transformer {
        let kernel = LanguageTraining(
            shape: shape, steps: 0, learningRate: LearningRate(peak: 0, schedule: .constant))
        let tokens = MadeUpTokens(length: 2, rows: 1, vocabulary: shape.vocabulary)
        guard let trained = try kernel.train(on: tokens, seed: 0, threads: 1, progress: { _, _ in true }) else {
            throw RunError.failed("the target's training was stopped")
        }
        return trained.model
    }

    /// The texts to learn and to look at.
    private func texts() throws -> (train: [String], test: [String]) {
        guard let path = training.textFile else {
            let grammar = StoryGrammar(seed: training.seed)
            let all = (0..<Self.stories.train + Self.stories.test).map(grammar.story)
            return (Array(all.prefix(Self.stories.train)), Array(all.dropFirst(Self.stories.train)))
        }
        var texts: [String] = []
        try DatasetFile(path: path).forEachText(column: "text") { text in
            if let text, !text.isEmpty { texts.append(String(decoding: text, as: UTF8.self)) }
        }
        guard texts.count >= Self.testShare else {
            throw RunError.invalid(
                "text_file: \(path) has \(texts.count) lines that are not empty; expected \(Self.testShare) documents or more"
            )
        }
        let numbered = texts.enumerated()
        return (
            numbered.filter { $0.offset % Self.testShare != 0 }.map(\.element),
            numbered.filter { $0.offset % Self.testShare == 0 }.map(\.element)
        )
    }

    private func commonWords(_ texts: [String]) -> [String] {
        WordTokenizer.words(of: texts, limit: max(training.model.vocabSize - WordTokenizer.specialTokens, 1))
    }

    /// Encodes the text next to the model, where nobody else looks for it.
    private func rows(of folder: String, threads: Int) throws -> TokenStream? {
        let tokenizer = try Tokenizer(folder: folder)
        guard tokenizer.vocabularySize <= training.model.vocabSize else {
            throw RunError.invalid(
                "lm_model_config.vocab_size: found \(training.model.vocabSize); the text's tokenizer has "
                    + "\(tokenizer.vocabularySize) tokens")
        }
        let cache = folder + "/.tokens"
        defer { try? FileManager.default.removeItem(atPath: cache) }
        let file = try TokenCache(path: cache).tokens(
            of: .init(
                files: [DatasetFile(path: Self.text(of: folder) + "/train.jsonl")], column: "text", name: "train",
                source: "its own text"),
            tokenizer: tokenizer, digest: "", endOfSequence: try tokenizer.endOfSequence(folder: folder),
            threads: threads, isCancelled: { false })
        guard let file else { return nil }
        let rows = TokenRows(file, length: training.maxSeqLen, order: .shuffled(seed: training.seed))
        guard rows.rowsPerPass >= training.batchSize else {
            throw RunError.invalid(
                "text_file: its text makes \(rows.rowsPerPass) rows of \(training.maxSeqLen) tokens; a batch takes "
                    + "\(training.batchSize)")
        }
        return TokenStream(training: rows, evaluation: nil, batchSize: training.batchSize)
    }
}

extension LearningRate.Schedule {
    fileprivate init(_ schedule: LearningRateSchedule) {
        switch schedule {
        case .linear: self = .linear
        case .cosine: self = .cosine
        case .constant, .exponential: self = .constant
        }
    }
}
