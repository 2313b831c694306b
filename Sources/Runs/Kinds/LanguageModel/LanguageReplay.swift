import Artifacts
import Experiments
import JSON
import Kernels
import Metrics

/// Runs given steps of a language model's decomposition.
struct LanguageReplay: ReplayKind {
    private let file: GivenFile
    private let decomposition: LanguageDecomposition
    private let tokens: GivenTokens

    init(_ file: GivenFile, threads: Int) throws {
        let config = try ExperimentConfig.load(yaml: file.metadata("config"), source: file.path + " (config)")
        let batches = try (0..<(try file.steps())).map { try file.tokens("step\($0).batch") }
        tokens = GivenTokens(batches: batches)
        decomposition = try LanguageDecomposition(
            target: file.transformer(), tokens: tokens, settings: DecompositionSettings(config),
            logsCrossEntropy: config.logCELosses, threads: threads)
        try decomposition.setTrainedTensors(file.tensors("init."))
        self.file = file
    }

    /// Takes the steps.
    func result() throws(RunError) -> SafeTensors {
        var result = ReplayResult()
        for (step, batch) in tokens.batches.enumerated() {
            let uniforms = try file.uniforms(
                step: step, settings: decomposition.settings, modules: decomposition.moduleNames,
                of: [.stochasticRecon, .stochasticReconLayerwise, .embeddingRecon])
            do {
                let (report, capture) = try decomposition.replay(on: batch, uniforms: uniforms)
                result.add(report, step: step)
                result.add(metrics: report, step: step)
                result.add(capture, step: step)
            } catch {
                throw .invalid("step \(step): \(error)")
            }
        }
        result.add(final: decomposition.trainedTensors)
        return result.file
    }
}

/// A replay's batches.
struct GivenTokens: TokenSource {
    let batches: [TokenBatch]
    var length: Int { batches.first?.length ?? 1 }
    func batch(at step: Int) -> TokenBatch { batches[step] }
    func evaluationBatch(_ index: Int) -> TokenBatch? { nil }
}

extension ReplayResult {
    /// Adds what a language model's step logs besides its losses.
    mutating func add(metrics report: StepReport, step: Int) {
        func name(_ logged: String) -> String { String(logged.split(separator: "/").last ?? "") }
        for measure in report.measures {
            set("metric." + name(measure.name), step, .init(shape: [], [Float(measure.value)]))
        }
        for (module, value) in report.l0 { set("metric.\(module).ci_l0", step, .init(shape: [], [Float(value)])) }
        for table in report.tables { set(metadata: name(table.name), step, table.json) }
    }
}

extension ReportTable {
    /// The table as Python's `json` writes it.
    fileprivate var json: String {
        func list(_ texts: [String]) -> String {
            "[" + texts.map { JSONValue.string($0).text }.joined(separator: ", ") + "]"
        }
        return #"{"columns": \#(list(columns)), "data": [\#(rows.map(list).joined(separator: ", "))]}"#
    }
}
