import Artifacts
import Experiments
public import Figures
import Foundation
import JSON
import Layout

/// What figures are drawn from, without training: a run's folder, published weights, or a set of figures.
public struct FigureSource: Sendable {
    /// What is in the corner of its figures.
    public let name: String
    /// Its label among others: its name, and what distinguishes it.
    public let label: String
    /// The value that it is compared by with others, such as a coefficient; empty if there is none.
    public let value: String
    /// What it shares with runs that differ only in their seeds.
    public let group: String
    /// What it has logged; nil for weights and pictures without a run.
    public let metrics: String?
    /// Its seed, if known.
    public let seed: String?
    /// The sets of figures that the run drew, by step.
    public let sets: [(step: Int, path: String)]
    /// All weights that it kept, by step.
    let weights: [(step: Int, path: String)]
    private let path: String
    private let config: ExperimentConfig?
    private let training: TargetConfig?
    private let targetFiles: String?

    /// Looks at a path, or at a question: a JSON object with `path` and, if known, `name`, `label`,
    /// `value`, `group`, `seed`, `target`, the training config of the target, and `target_files`, where target and text are.
    ///
    /// - Throws: `RunError.invalid` for what holds nothing to draw.
    public init(_ text: String) throws(RunError) {
        var (path, name, value, seed): (String, String?, String?, String?) = (text, nil, nil, nil)
        var (label, group): (String?, String?)
        var training: TargetConfig?
        var targetFiles: String?
        if text.hasPrefix("{") {
            let question: JSONValue
            do { question = try JSONValue(parsing: text) } catch { throw .invalid("the question: \(error)") }
            guard let its = question["path"]?.string else { throw .invalid("the question lacks 'path'") }
            (path, name, value) = (its, question["name"]?.string, question["value"]?.string)
            (seed, label) = (question["seed"]?.string, question["label"]?.string)
            (group, targetFiles) = (question["group"]?.string, question["target_files"]?.string)
            if let text = question["target"]?.string {
                do { training = try TargetConfig.load(yaml: text, source: "the target of \(its)") } catch {
                    throw .invalid("\(error)")
                }
            }
        }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .invalid("\(path): there is no such file or folder")
        }
        let url = URL(filePath: path)
        let folder = isFolder.boolValue ? path : url.deletingLastPathComponent().path
        let log = RunFolder(path: path).metrics
        metrics = isFolder.boolValue && FileManager.default.fileExists(atPath: log) ? log : nil
        if isFolder.boolValue {
            (sets, weights) = (try DrawnFigures.sets(in: path), try Self.weights(in: path))
            guard !sets.isEmpty || !weights.isEmpty || metrics != nil else {
                throw .invalid(
                    "\(path) holds nothing to draw: expected model_<step>.safetensors or .pth, figures_<step>.zip, or "
                        + "metrics.jsonl")
            }
        } else if let step = RunFolder.step(ofFigures: url.lastPathComponent) {
            (sets, weights) = ([(step, path)], [])
        } else {
            (sets, weights) = ([], [(RunFolder.step(ofModel: url.lastPathComponent) ?? 0, path)])
        }
        self.path = path
        self.name = name ?? URL(filePath: folder).lastPathComponent
        self.label = label ?? self.name
        self.value = value ?? ""
        self.group = group ?? self.name
        self.seed = seed
        self.targetFiles = targetFiles
        let file = RunFolder(path: folder).config
        do {
            config = FileManager.default.fileExists(atPath: file) ? try ExperimentConfig.load(path: file) : nil
            self.training = try training ?? Self.training(beside: folder) ?? config?.publishedTraining
        } catch {
            throw .invalid("\(error)")
        }
    }

    private static func weights(in folder: String) throws(RunError) -> [(step: Int, path: String)] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw .invalid("\(folder): \(error.localizedDescription)")
        }
        return names.compactMap { name in
            RunFolder.step(ofModel: name).map { ($0, folder + "/" + name) }
        }.sorted { $0.0 < $1.0 }
    }

    /// How the target was trained, where the published tool has left that next to the decomposition.
    private static func training(beside folder: String) throws(ConfigError) -> TargetConfig? {
        let paths = TargetKind.all.map { folder + "/" + $0.trainingConfigName }
        return try paths.first(where: FileManager.default.fileExists).map { path throws(ConfigError) in
            try TargetConfig.load(path: path)
        }
    }

    /// All figures that there are of a step.
    ///
    /// What the run drew comes first; where it drew nothing, that is made again from its weights.
    ///
    /// - Parameters:
    ///   - step: The step; nil: the last.
    ///   - threads: Threads to compute with.
    /// - Returns: At least one figure.
    /// - Throws: `RunError.invalid` for a step that has none, and for files that can't be read.
    public func figures(step: Int? = nil, threads: Int = 1) throws(RunError) -> [Figure] {
        let set = step.map { step in sets.last { $0.step == step } } ?? sets.last
        let file = step.map { step in weights.last { $0.step == step } } ?? weights.last
        if let step, set == nil, file == nil { throw noStep(step) }
        var figures: [Figure] = []
        var trouble: RunError?
        if let set {
            do throws(RunError) { figures = try DrawnFigures(contentsOf: set.path).figures } catch { trouble = error }
        }
        if let file {
            let (corner, published) = ("\(name), step \(file.step)", try PublishedWeights(path: file.path))
            let weights = WeightsFigures(
                published, corner: corner, config: config, training: training, threads: threads)
            if figures.isEmpty, let config {
                figures = try RunKinds.of(config.taskConfig.kind).importances(
                    of: published,
                    FigureContext(
                        config: config, training: training, targetFiles: targetFiles, step: file.step, corner: corner,
                        threads: threads))
            }
            let drawn = Set(figures.map(\.name))
            figures += try weights.analysis.filter { !drawn.contains($0.name) }
        }
        // All steps are in it, so it is of none.
        if step == nil, let curves = try MetricCurves([self], corner: name).figure { figures.append(curves) }
        if figures.allSatisfy({ $0.name == MetricCurves.name }), let trouble { throw trouble }
        guard !figures.isEmpty else { throw nothing(file?.path ?? path) }
        return figures
    }

    private func noStep(_ step: Int) -> RunError {
        let known = Set(sets.map(\.step) + weights.map(\.step)).sorted().map(String.init)
        return .invalid("\(path): nothing is left of step \(step); there are \(known.joined(separator: ", "))")
    }

    private func nothing(_ file: String) -> RunError {
        .invalid(
            "\(file): there are figures of toy models of superposition and of residual MLPs, and this is neither; "
                + "a language model's take final_config.yaml beside its weights")
    }
}

extension ExperimentConfig {
    /// How the target was trained, if the config names a published training.
    fileprivate var publishedTraining: TargetConfig? {
        get throws {
            guard case .train(let name)? = target else { return nil }
            return try Registry.target(named: name, folder: nil)
        }
    }
}
