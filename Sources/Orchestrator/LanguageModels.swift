import Experiments
import Foundation
import Store

/// Language models and texts that a submission's configs name, brought here before anything is stored.
///
/// Compute nodes may have no way to the internet. The worker does it, which knows models and tokenizers.
struct LanguageModels {
    let worker: String
    let cache: CacheFolder
    let environment: [String: String]

    /// The specs, each with the file that says where its model and its text are.
    ///
    /// Models that are trained here are the agents' business, with their text.
    ///
    /// - Throws: What is missing or wrong.
    func taking(_ specs: [NewSpec], of drafts: [SpecDraft]) throws(Failure) -> [NewSpec] {
        var specs = specs
        var known: [String: String] = [:]
        for (index, draft) in drafts.enumerated() {
            guard draft.config.taskConfig.text != nil, draft.target == nil else { continue }
            // Seeds and rates change nothing about where things are.
            let key = Self.names(in: draft.config)
            if known[key] == nil { known[key] = try fetch(draft.config.json()) }
            specs[index].targetFiles = known[key]
        }
        return specs
    }

    /// What a config names that has to be on this machine.
    private static func names(in config: ExperimentConfig) -> String {
        let text = config.taskConfig.text
        return [
            config.target?.description, config.pretrainedModelClass, config.tokenizerName, text?.datasetName,
            text?.columnName, text?.trainDataSplit, text?.evalDataSplit, text.map { "\($0.maxSeqLen)" },
            "\(config.batchSize)", "\(config.imageFreq == nil)", config.targetModulePatterns.joined(separator: " "),
        ].map { $0 ?? "" }.joined(separator: "\n")
    }

    private func fetch(_ config: String) throws(Failure) -> String {
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: worker)
        process.arguments = ["fetch-language"]
        process.environment = environment.merging([CacheFolder.variable: cache.path]) { $1 }
        process.standardInput = input
        process.standardOutput = output
        let answer: Data
        do {
            try process.run()
            try input.fileHandleForWriting.write(contentsOf: Data((config + "\n").utf8))
            try input.fileHandleForWriting.close()
            answer = try output.fileHandleForReading.readToEnd() ?? Data()
        } catch {
            throw .failed("\(worker) cannot be started: \(error)")
        }
        process.waitUntilExit()
        try Interruption.check()
        let place = String(decoding: answer, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        switch process.terminationStatus {
        case 0 where !place.isEmpty: return place
        case 2: throw .badInput("the language model or its text cannot be used; nothing was stored")
        case 130: throw .interrupted
        default: throw .failed("the language model or its text could not be brought here; nothing was stored")
        }
    }
}
