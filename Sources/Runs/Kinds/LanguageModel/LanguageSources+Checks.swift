import Experiments
import Foundation
import Hub
import Kernels
import Tokenizers

extension LanguageSourceFinder {
    /// What is missing or wrong, and the key that is to blame: what is on this machine is read, the hub is only asked.
    func obstacle(in config: ExperimentConfig) -> (key: String, reason: String)? {
        guard let text = config.taskConfig.text else { return nil }
        let modelKey = config.pretrainedModelPath == nil ? "pretrained_model_name_hf" : "pretrained_model_path"
        var key = modelKey
        do {
            let model = try here(config.target?.description ?? "", needsWeights: true)
            if let model {
                let shape = try LanguageModelFolder(path: model).load(className: config.pretrainedModelClass).shape
                try check(config, text, shape)
            }
            if config.tokenizerName != nil { key = "tokenizer_name" }
            let tokenizer = try config.tokenizerName.map { try here($0, needsWeights: false) } ?? model
            if let tokenizer { _ = try Tokenizer(folder: tokenizer).endOfSequence(folder: tokenizer) }
            key = "task_config.dataset_name"
            for split in [text.trainDataSplit] + (config.imageFreq == nil ? [] : [text.evalDataSplit]) {
                guard !text.datasetName.hasPrefix("train:") else { throw foreignText(text) }
                try hub.checkFiles(text.datasetName, split: split)
            }
            return nil
        } catch {
            // Some reasons name another key.
            let reason = "\(error)"
            let named = ["target_module_patterns", "task_config.max_seq_len", key].first { reason.hasPrefix($0 + ": ") }
            return (named ?? key, named.map { String(reason.dropFirst($0.count + 2)) } ?? reason)
        }
    }

    /// The folder of a model that is on this machine; nil for one that the hub has.
    private func here(_ name: String, needsWeights: Bool) throws -> String? {
        if let model = try? hub.localModel(name, needsWeights: needsWeights) { return model.folder }
        // Says what is wrong with what is here, too.
        try hub.checkModel(name, needsWeights: needsWeights)
        return nil
    }
}
