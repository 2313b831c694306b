import Artifacts
import Experiments
import Kernels
import LanguageData

/// A language model with its text.
struct LanguageRunTarget: RunTarget {
    let training: TargetConfig?
    let hash: String
    let files: [(name: String, path: String)]
    let tokenNames: TokenNames?
    private let model: Transformer
    private let text: Experiments.TextData
    private let tokens: @Sendable (ExperimentConfig) throws -> any TokenSource

    /// Reads what was found for a config.
    ///
    /// - Throws: `RunError`, `FileError` for what is missing or wrong.
    init(
        _ sources: LanguageSources, config: ExperimentConfig, training: TargetConfig?, warn: (String) -> Void
    ) throws {
        guard let text = config.taskConfig.text else {
            throw RunError.invalid(
                "task_config.task_name: the target is a language model, found \(config.taskConfig.name)")
        }
        self.training = training
        self.text = text
        model = try LanguageModelFolder(path: sources.model).load(className: config.pretrainedModelClass, warn: warn)
        let digest = SafeTensors(
            arrays: model.weights.mapValues { .init(shape: $0.shape, $0.values) },
            metadata: ["shape": "\(model.shape)"])
        let encoded = try TokenFile(folder: sources.training)
        hash = SHA256.hex(digest.encoded()) + SHA256.hex("\(encoded.info)")
        files = [("config.json", sources.model + "/config.json")]
        tokenNames = TokenNames(folder: sources.tokenizer ?? sources.model)
        tokens = {
            try TokenStream(sources, text: text, batchSize: $0.batchSize, seed: $0.seed)
        }
    }

    /// A model of a given shape; only the sizes of its weights and text matter.
    init(rough model: Transformer, text: Experiments.TextData, training: TargetConfig?) {
        self.model = model
        self.text = text
        self.training = training
        hash = ""
        files = []
        tokenNames = nil
        tokens = { config in
            MadeUpTokens(length: text.maxSeqLen, rows: config.batchSize, vocabulary: model.shape.vocabulary)
        }
    }

    func decomposition(
        _ config: ExperimentConfig, settings: DecompositionSettings, threads: Int
    ) throws -> any Decomposition {
        try LanguageDecomposition(
            target: model, tokens: try tokens(config), settings: settings, logsCrossEntropy: config.logCELosses,
            threads: threads)
    }
}
