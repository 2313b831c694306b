import Experiments
import Foundation
import Hub
import Kernels
import Targets
import TextData
import Tokenizers
import UserMetrics

extension LanguageSourceFinder {
    /// What is missing or wrong, and the key to blame: local files are read, the hub is only queried.
    func obstacle(in config: ExperimentConfig) -> (key: String, reason: String)? {
        guard let text = config.taskConfig.text else { return nil }
        var key = config.modelKey
        var ownSplitKey = ""
        do {
            let model: String?
            var isTrainedHere = false
            switch config.target {
            case .train:
                model = nil
                isTrainedHere = true
            // A path is not a name: the hub is not asked for what is not there.
            case .local(let path): model = URL(filePath: path).path
            default: model = try hub.checkModel(config.target?.description ?? "")?.folder
            }
            if let model {
                let shape = try LanguageModelFolder(path: model).load(className: config.pretrainedModelClass).shape
                try check(config, text, shape)
            }
            if config.tokenizerName != nil { key = "tokenizer_name" }
            let tokenizer =
                try config.tokenizerName.map { try hub.checkModel($0, needsWeights: false)?.folder } ?? model
            if let tokenizer { _ = try self.tokenizer(in: tokenizer).endOfSequence(folder: tokenizer) }
            key = "task_config.dataset_name"
            guard !text.datasetName.hasPrefix("train:") else {
                if isTrainedHere { return nil }
                throw foreignText(text)
            }
            for (splitKey, split) in text.namedSplits(config) {
                key = "task_config.dataset_name"
                ownSplitKey = "task_config." + splitKey
                guard let files = try hub.checkFiles(text.datasetName, split: split) else { continue }
                key = "task_config.column_name"
                try files.first?.check(column: text.columnName)
            }
            return nil
        } catch {
            // A damaged file says nothing about its columns, and a data set may lack a split.
            if let error = error as? TextDataError {
                if error.concernsSplit {
                    key = ownSplitKey
                } else if !error.concernsColumn, key == "task_config.column_name" {
                    key = "task_config.dataset_name"
                }
            }
            // Some reasons name another key.
            let reason = "\(error)"
            let own =
                config.userMetrics.map { "user_metrics." + $0.name }
                + config.userFigures.map { "user_figures." + $0.name }
            let named = (["target_module_patterns", "embedding_recon_coeff", "task_config.max_seq_len", key] + own)
                .first {
                    reason.hasPrefix($0 + ": ")
                }
            return (named ?? key, named.map { String(reason.dropFirst($0.count + 2)) } ?? reason)
        }
    }

    /// The tokenizer in a model's folder.
    ///
    /// - Throws: What is missing or wrong with its files.
    func tokenizer(in folder: String) throws -> Tokenizer {
        for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
            guard let instead = WeightsFile.stranger("\(folder)/\(name)", insteadOf: "tokens") else { continue }
            throw RunError.invalid("\(folder)/\(name) \(instead)")
        }
        return try Tokenizer(folder: folder)
    }

    /// Checks a split that a config names and its runs do not read.
    ///
    /// - Throws: What is missing or wrong.
    func checkUnreadSplits(of config: ExperimentConfig) throws {
        guard let text = config.taskConfig.text, !text.datasetName.hasPrefix("train:") else { return }
        let read = text.splits(config)
        for (key, split) in text.namedSplits(config) where !read.contains(split) {
            try blaming("task_config." + key) { _ = try hub.checkFiles(text.datasetName, split: split) }
        }
    }
}

extension Experiments.TextData {
    /// The splits that have to be there, each with its key.
    ///
    /// A split that the user names must exist, even if nothing is drawn of it; a default one need not.
    fileprivate func namedSplits(_ config: ExperimentConfig) -> [(key: String, split: String)] {
        let splits = [("train_data_split", trainDataSplit), ("eval_data_split", evalDataSplit)]
        let isNamed = config.hasFigures || evalDataSplit != Experiments.TextData().evalDataSplit
        return isNamed ? splits : splits.dropLast()
    }
}

extension ExperimentConfig {
    /// The key that names the model.
    var modelKey: String { pretrainedModelPath == nil ? "pretrained_model_name_hf" : "pretrained_model_path" }
}
