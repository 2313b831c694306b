import Artifacts
import Experiments
import Foundation
import Hub
import JSON
import Kernels
import LanguageData
import Layout
import TextData
import Tokenizers

/// Where a spec's language model and its encoded text are: found once, at `submit`, and kept in a file that agents read.
struct LanguageSources: Sendable, Equatable {
    /// The model's folder.
    var model: String
    /// The encoded split to train on.
    var training: String
    /// The encoded split to look at; nil if figures are not asked for.
    var evaluation: String?
    /// The tokenizer's folder; nil in files of earlier versions.
    var tokenizer: String?

    /// Reads a file that ``write(to:)`` has written.
    ///
    /// - Throws: `RunError.invalid` if it is not whole.
    init(contentsOf path: String, cache: CacheFolder) throws(RunError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: DurableFile.read(path, limit: 1 << 20))
        } catch {
            throw .invalid("\(path): \(error)")
        }
        guard let model = value["model"]?.string, let training = value["training"]?.string else {
            throw .invalid("\(path): expected 'model' and 'training', the places of a language model and its text")
        }
        self.model = cache.absolute(model)
        self.training = cache.absolute(training)
        evaluation = value["evaluation"]?.string.map(cache.absolute)
        tokenizer = value["tokenizer"]?.string.map(cache.absolute)
    }

    init(model: String, training: String, evaluation: String?, tokenizer: String? = nil) {
        self.model = model
        self.training = training
        self.evaluation = evaluation
        self.tokenizer = tokenizer
    }

    /// Writes the places into the cache's targets, under a name that follows from them, and returns the file's path.
    ///
    /// - Throws: `FileError`.
    func write(to cache: CacheFolder) throws(FileError) -> String {
        let value: JSONValue = [
            "model": .string(cache.relative(model)), "training": .string(cache.relative(training)),
            "evaluation": evaluation.map { .string(cache.relative($0)) } ?? .null,
            "tokenizer": tokenizer.map { .string(cache.relative($0)) } ?? .null,
        ]
        let text = value.text + "\n"
        let path = cache.targets.sources(digest: SHA256.hex(text))
        try DurableFile.createFolder(cache.targets.path)
        try DurableFile.write(text, to: path)
        return path
    }
}

/// Finds or fetches the files of a spec's language model and its text.
struct LanguageSourceFinder {
    let cache: CacheFolder
    let hub: Hub
    let threads: Int
    let say: @Sendable (String) -> Void
    let progress: (String, TokenCache.Progress) -> Void
    let isCancelled: @Sendable () -> Bool

    /// The places of everything that a config names; `model` is the folder of a model that is trained here.
    ///
    /// - Returns: nil if it was given up.
    /// - Throws: what is missing or wrong, with what there is.
    func sources(of config: ExperimentConfig, model trained: String?) throws -> LanguageSources? {
        guard let text = config.taskConfig.text else {
            throw RunError.invalid("task_config.task_name: expected lm, found \(config.taskConfig.name)")
        }
        let modelKey = config.modelKey
        let folder = try trained ?? blaming(modelKey) { try modelFolder(config) }
        let tokenizerKey = config.tokenizerName == nil ? modelKey : "tokenizer_name"
        let tokenizerFolder = try blaming(tokenizerKey) {
            try config.tokenizerName.map(self.tokenizerFolder) ?? folder
        }
        let tokenizer = try blaming(tokenizerKey) { try self.tokenizer(in: tokenizerFolder) }
        let end = try blaming(tokenizerKey) { try tokenizer.endOfSequence(folder: tokenizerFolder) }
        let digest = try TokenizerDigest.hex(folder: tokenizerFolder)
        let shape = try blaming(modelKey) {
            try LanguageModelFolder(path: folder).shape(className: config.pretrainedModelClass)
        }
        try check(config, text, shape)
        if trained == nil {
            // Weights that do not fit are found out now, not by each agent, and before anything is encoded for them.
            _ = try blaming(modelKey) {
                try LanguageModelFolder(path: folder).load(className: config.pretrainedModelClass, warn: say)
            }
        }

        func checkTokens(_ info: TokenFile.Info, of split: String) throws {
            guard info.highest < shape.vocabulary else {
                throw RunError.invalid(
                    "task_config.dataset_name: the tokenizer of \(tokenizerFolder) gives token \(info.highest), "
                        + "and the model has \(shape.vocabulary) only, from 0; name the model's own tokenizer")
            }
            let rows = info.rows(of: text.maxSeqLen)
            guard rows >= config.batchSize else {
                throw RunError.invalid(
                    "task_config.dataset_name: the split '\(split)' of \(text.datasetName) has \(info.tokens) "
                        + "tokens in \(info.documents) document\(info.documents == 1 ? "" : "s"), which make "
                        + "\(rows) row\(rows == 1 ? "" : "s") of \(text.maxSeqLen); a batch takes \(config.batchSize)")
            }
        }

        /// Each split within the check of the one before: where one will not do, nothing stays that was encoded for it.
        func encoded(_ splits: ArraySlice<String>) throws -> [String: String] {
            guard let split = splits.first else { return [:] }
            let files = try files(of: split, text, trained: trained)
            var places: [String: String] = [:]
            let file = try TokenCache(path: cache.tokens).tokens(
                of: .init(files: files, column: text.columnName, name: split, source: text.datasetName),
                tokenizer: tokenizer, digest: digest, endOfSequence: end, threads: threads,
                progress: { progress("\(text.datasetName) (\(split))", $0) }, isCancelled: isCancelled,
                check: {
                    try checkTokens($0, of: split)
                    places = try encoded(splits.dropFirst())
                })
            guard let file else { throw CancellationError() }
            places[split] = file.path
            return places
        }
        let places: [String: String]
        do {
            places = try encoded(text.splits(config)[...])
        } catch is CancellationError {
            return nil
        }
        guard let training = places[text.trainDataSplit] else { return nil }
        return LanguageSources(
            model: folder, training: training,
            evaluation: config.hasFigures ? places[text.evalDataSplit] : nil, tokenizer: tokenizerFolder)
    }

    /// Adds the key that is to blame to what is thrown, where it names none itself and the fault is the key's.
    func blaming<Value>(_ key: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as RunError {
            guard case .invalid(let reason) = error, LanguageFetcher.keyAndReason(of: error).key == nil else {
                throw error
            }
            throw RunError.invalid("\(key): \(reason)")
        } catch let error as HubError {
            guard error.cause == .unusable || error.cause == .refused else { throw error }
            throw RunError.invalid("\(key): \(error)")
        } catch let error as TextDataError {
            throw RunError.invalid("\(key): \(error)")
        } catch let error as TokenizerError {
            throw RunError.invalid("\(key): \(error)")
        }
    }

    private func modelFolder(_ config: ExperimentConfig) throws -> String {
        switch config.target {
        case .local(let path): return URL(filePath: path).path
        case .hub(let name): return try hub.model(name).folder
        default:
            throw RunError.invalid(
                "pretrained_model_path: expected a model's folder, or pretrained_model_name_hf a name")
        }
    }

    private func tokenizerFolder(_ name: String) throws -> String { try hub.model(name, needsWeights: false).folder }

    /// Whatever would fail at the first step fails now.
    func check(_ config: ExperimentConfig, _ text: Experiments.TextData, _ shape: TransformerShape)
        throws(RunError)
    {
        do {
            try shape.checkModules(
                matching: config.targetModulePatterns, reconstructsEmbedding: config.embeddingReconCoeff != nil)
        } catch {
            throw .invalid("\(error)")
        }
        try checkUserMetrics(config, text, shape)
        if let positions = shape.positions, text.maxSeqLen > positions.count {
            throw .invalid(
                "task_config.max_seq_len: found \(text.maxSeqLen); the model has \(positions.count) positions")
        }
    }

    private func checkUserMetrics(
        _ config: ExperimentConfig, _ text: Experiments.TextData, _ shape: TransformerShape
    ) throws(RunError) {
        guard !config.userMetrics.isEmpty || !config.userFigures.isEmpty else { return }
        let settings = try DecompositionSettings(config)
        let shapes: ObservableShapes
        do {
            shapes = try shape.observableShapes(settings, length: text.maxSeqLen)
        } catch {
            throw .invalid("target_module_patterns: \(error)")
        }
        if let obstacle = config.userMetricObstacles(shapes.scope(config)).first {
            throw .invalid("\(obstacle.key): \(obstacle.reason)")
        }
    }

    /// The files of a split, here or downloaded, of which the first has the column.
    private func files(of split: String, _ text: Experiments.TextData, trained: String?) throws -> [DatasetFile] {
        let files = try blaming("task_config.dataset_name") {
            do {
                guard text.datasetName.hasPrefix("train:") else { return try hub.files(text.datasetName, split: split) }
                guard let trained else { throw foreignText(text) }
                return try DatasetFolder(path: LanguageTargetFolder.text(of: trained)).files(of: split)
            } catch let error as TextDataError where error.concernsSplit {
                let key = split == text.trainDataSplit ? "train_data_split" : "eval_data_split"
                throw RunError.invalid("task_config.\(key): \(error)")
            }
        }
        do {
            try files.first?.check(column: text.columnName)
        } catch {
            guard error.concernsColumn else { throw error }
            throw RunError.invalid("task_config.column_name: \(error)")
        }
        return files
    }

    /// Fetches the text for a model that agents will train: they encode it, with its tokenizer.
    ///
    /// - Throws: What is missing or wrong.
    func bringText(of config: ExperimentConfig) throws {
        guard let text = config.taskConfig.text, !text.datasetName.hasPrefix("train:") else { return }
        for split in text.splits(config) { _ = try files(of: split, text, trained: nil) }
    }

    /// Why the text of a target that is trained here goes with no other.
    func foreignText(_ text: Experiments.TextData) -> RunError {
        .invalid(
            "task_config.dataset_name: found \(text.datasetName), the text that a target was trained on, but "
                + "pretrained_model_path trains none; expected a file, a folder or a data set's name")
    }
}

extension Experiments.TextData {
    /// The splits that a config's runs read.
    ///
    /// What is not to train on is mostly smaller and comes first. Whatever the config says, the same two have the same
    /// order, so no two commands wait for each other.
    func splits(_ config: ExperimentConfig) -> [String] {
        let names = config.hasFigures ? Set([trainDataSplit, evalDataSplit]) : [trainDataSplit]
        return names.sorted { ($0.hasPrefix("train") ? 1 : 0, $0) < ($1.hasPrefix("train") ? 1 : 0, $1) }
    }
}

extension LanguageSources {
    /// The model and the text of a run that is over: nothing is trained, downloaded or encoded for it.
    ///
    /// - Parameters:
    ///   - config: The run's config.
    ///   - target: How its target was trained, where it was trained here.
    ///   - targetFiles: Where its target and text are, as its spec says.
    ///   - cache: The cache.
    ///   - hub: What was downloaded.
    /// - Throws: `RunError.invalid` for what is not in the cache any more.
    init(
        keptFor config: ExperimentConfig, _ target: TargetConfig?, _ targetFiles: String?, _ cache: CacheFolder,
        _ hub: Hub
    ) throws {
        if let targetFiles {
            self = try LanguageSources(contentsOf: targetFiles, cache: cache)
            return
        }
        let place = try target.map { target in
            let place = cache.targets.target(kind: target.kind.tag, digest: SHA256.hex(target.canonicalJSON()))
            guard FileManager.default.fileExists(atPath: TargetsFolder.record(of: place)) else {
                throw RunError.invalid("the run's target is not in \(place) any more")
            }
            return place
        }
        let finder = LanguageSourceFinder(
            cache: cache, hub: hub, threads: 1, say: { _ in }, progress: { _, _ in }, isCancelled: { true })
        guard let found = try finder.sources(of: config, model: place) else {
            throw RunError.invalid("the run's encoded text is not in \(cache.tokens) any more")
        }
        self = found
    }
}

extension CacheFolder {
    /// What was downloaded from the hub, without a way to it.
    var offlineHub: Hub {
        var environment = ProcessInfo.processInfo.environment
        environment["HF_HUB_OFFLINE"] = "1"
        return Hub(settings: HubSettings(environment: environment), cache: hub)
    }
}
