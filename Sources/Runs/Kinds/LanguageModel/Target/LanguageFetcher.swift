import Artifacts
public import Experiments
import Foundation
import Hub
import Kernels
import LanguageData
public import Layout
import TextData
import UserMetrics

/// Fetches everything that configs of language models name, so compute nodes need no network.
public struct LanguageFetcher {
    private let finder: LanguageSourceFinder
    private let cache: CacheFolder

    /// Creates a fetcher.
    ///
    /// - Parameters:
    ///   - cache: where everything is kept.
    ///   - environment: where the hub's own tools keep things, and the token.
    ///   - threads: how many threads encode.
    ///   - say: takes lines for people.
    ///   - show: takes how far it is, many times a second.
    ///   - isCancelled: asked often; true gives it up.
    public init(
        cache: CacheFolder, environment: [String: String], threads: Int, say: @escaping @Sendable (String) -> Void,
        show: @escaping @Sendable (String) -> Void, isCancelled: @escaping @Sendable () -> Bool
    ) {
        let start = ContinuousClock.now
        let hub = Hub(
            settings: HubSettings(environment: environment), cache: cache.hub, say: say,
            progress: { show(Self.line($0, since: start)) }, isCancelled: isCancelled)
        finder = LanguageSourceFinder(
            cache: cache, hub: hub, threads: threads, say: say,
            progress: { source, progress in show(Self.line(source, progress, since: start)) },
            isCancelled: isCancelled)
        self.cache = cache
    }

    /// Finds, downloads, checks and encodes what a config names.
    ///
    /// Of a config whose model agents will train, only the text is brought here, where it is another than the model's own.
    ///
    /// - Returns: The file that says where everything is, for agents, or `train:<target>`; nil if it was given up.
    /// - Throws: `RunError` with what is missing or wrong.
    public func fetch(_ config: ExperimentConfig) throws(RunError) -> String? {
        do {
            try finder.checkUnreadSplits(of: config)
            if case .train? = config.target {
                try finder.bringText(of: config)
                return config.target?.description
            }
            return try finder.sources(of: config, model: nil)?.write(to: cache)
        } catch let error as RunError {
            throw error
        } catch let error as TextDataError {
            throw .invalid("task_config.dataset_name: \(error)")
        } catch let error as HubError where error.cause == .cancelled {
            return nil
        } catch let error as HubError where error.cause == .unreachable || error.cause == .disk {
            throw .failed("\(error)")
        } catch let error as FileError {
            throw .failed("\(error)")
        } catch {
            throw .invalid("\(error)")
        }
    }

    /// The config key that an error names, and what it says about it.
    ///
    /// - Parameter error: what `fetch` has thrown.
    /// - Returns: The key, nil if it names none; and the reason.
    public static func keyAndReason(of error: RunError) -> (key: String?, reason: String) {
        let text = "\(error)"
        guard let match = text.prefixMatch(of: /([a-z_]+(?:\.[A-Za-z_0-9]+)?): (?=.)/),
            match.1.hasPrefix("task_config.") || match.1.hasPrefix("user_")
                || [
                    "target_module_patterns", "embedding_recon_coeff", "pretrained_model_path",
                    "pretrained_model_name_hf", "tokenizer_name",
                ].contains(match.1)
        else { return (nil, text) }
        return (String(match.1), String(text[match.range.upperBound...]))
    }

    /// What keeps a config from running, as far as can be known without downloading or encoding anything.
    ///
    /// - Returns: The key that is to blame, and the reason; nil if nothing speaks against it.
    public func obstacle(in config: ExperimentConfig) -> (key: String, reason: String)? {
        finder.obstacle(in: config)
    }

    /// About how much memory a run takes at its worst moment; of a model, no more than its config.json is fetched.
    ///
    /// - Parameters:
    ///   - config: What it computes.
    ///   - training: How its target is trained, if the config says `train:`.
    /// - Returns: The bytes; nil for a config of another kind without a known target.
    /// - Throws: What is missing or wrong.
    public func memory(of config: ExperimentConfig, training: TargetConfig?) throws -> Int? {
        guard config.taskConfig.text != nil, training == nil else {
            return try RunMemory.bytes(of: config, training: training, threads: 1)
        }
        let (json, source) = try finder.hub.modelConfig(config.target?.description ?? "")
        let shape = try TransformerShape(
            config: ModelConfig(json: json, source: source), className: config.pretrainedModelClass)
        return try LanguageRuns.bytes(of: config, shape)
    }

    /// What a run offers to users' metrics and observers; of a model, no more than its config.json is fetched.
    ///
    /// - Throws: What is missing or wrong.
    func scope(of config: ExperimentConfig) throws -> Scope {
        guard let text = config.taskConfig.text else {
            throw RunError.invalid("pretrained_model_path: the target's shapes are not known yet")
        }
        let (json, source) = try finder.hub.modelConfig(config.target?.description ?? "")
        let shape = try TransformerShape(
            config: ModelConfig(json: json, source: source), className: config.pretrainedModelClass)
        return try shape.observableShapes(DecompositionSettings(config), length: text.maxSeqLen).scope(config)
    }

    private static func line(_ progress: HubProgress, since start: ContinuousClock.Instant) -> String {
        var text = "\(progress.name): \(progress.file), \(ByteCount.words(progress.bytes))"
        if let total = progress.total {
            text += " of \(ByteCount.words(total)), \(bar(Double(progress.bytes) / Double(max(total, 1))))"
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let speed = Double(progress.received) / max(seconds, 0.001)
        if let total = progress.total, speed > 0, seconds > 1 {
            text += ", about \(Int((Double(total - progress.bytes) / speed).rounded(.up))) s left"
        }
        return text
    }

    private static func line(
        _ source: String, _ progress: TokenCache.Progress, since start: ContinuousClock.Instant
    ) -> String {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        var text = "encoding \(source): \(bar(progress.fraction)), \(ByteCount.words(progress.bytes)) of text"
        if progress.fraction > 0.02, progress.fraction < 1 {
            text += ", about \(Int((seconds * (1 - progress.fraction) / progress.fraction).rounded(.up))) s left"
        }
        return text
    }

    private static func bar(_ fraction: Double) -> String {
        let filled = Int((max(0, min(1, fraction)) * 20).rounded(.down))
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled) + "] "
            + "\(Int(fraction * 100)) %"
    }
}
