import Artifacts
public import Experiments
import Foundation
import JSON
import Kernels
public import Layout
import UserMetrics

/// A config's observers on dummy tensors of the right shapes: a mistake costs seconds, not a night.
public struct ObserverTrial {
    /// How one of them did.
    public struct Result: Sendable {
        /// Its name.
        public let observer: String
        /// How long its answer took, its start included.
        public let seconds: Double
        /// The metrics that it gave.
        public let metrics: [String]
        /// What was wrong; nil if nothing was.
        public let trouble: String?
    }

    private let config: ExperimentConfig
    private let scope: Scope
    private let observers: String

    /// Prepares a trial.
    ///
    /// - Parameters:
    ///   - config: The config; its observers have digests.
    ///   - target: How the target is trained, if known.
    ///   - observers: The folder with copies of observers, by digest.
    ///   - cache: Where models from the hub are kept.
    /// - Throws: `RunError`, `HubError` for a target whose shapes are not known.
    public init(_ config: ExperimentConfig, target: TargetConfig?, observers: String, cache: CacheFolder) throws {
        self.config = config
        self.observers = observers
        if let target {
            scope = config.scope(decomposing: target)
        } else {
            let fetcher = LanguageFetcher(
                cache: cache, environment: ProcessInfo.processInfo.environment, threads: 1, say: { _ in },
                show: { _ in }, isCancelled: { false })
            scope = try fetcher.scope(of: config)
        }
    }

    /// Runs each observer once, in a folder that is gone afterwards.
    ///
    /// - Throws: `FileError`.
    public func run() throws -> [Result] {
        let folder = FileManager.default.temporaryDirectory.path + "/spd-observer-\(UUID().uuidString.prefix(8))"
        try DurableFile.createFolder(folder)
        defer {
            // What an observer leaves behind in a temporary folder is not worth a message.
            try? FileManager.default.removeItem(atPath: folder)
        }
        return try config.observers.map { try run($0, in: folder) }
    }

    private func run(_ own: ObserverConfig, in folder: String) throws -> Result {
        var words: [String] = []
        let setup = ObserverProcess.Setup(
            launcher: "/proc/self/exe", program: "\(observers)/\(own.digest ?? "")/\(own.run)", folder: folder,
            memory: Int(own.memoryGB * 1e9), helpers: "\(observers)/\(own.digest ?? "")")
        let observer = Observer(
            own, setup: setup, hello: Observer.hello(config, run: "trial", scope), isTrial: true,
            say: { words.append($0) })
        let tensors = Observation(madeUp: scope).tensors(own.needs, hasTokens: config.taskConfig.hasTokens)
        let file = try TensorFile(tensors, run: "trial", folder: folder)
        defer { file.remove() }
        let start = ContinuousClock.now
        let answer = observer.ask(step: 0, tensors: file.path, figures: true, goesOn: { true })
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        observer.finish()
        let said = answer.map { ObserverAnswer($0, folder: folder) }
        let complaint = said?.complaints.first.map { "observer \(own.name): \($0.text)" }
        return Result(
            observer: own.name, seconds: seconds, metrics: said?.numbers.map(\.name) ?? [],
            trouble: complaint ?? words.first)
    }
}

extension Observation {
    /// Made-up tensors of a scope's shapes: numbers from 0 to 1, tokens 0 and 1.
    init(madeUp scope: Scope) {
        self.init()
        var generator = SplitMix64(state: 1)
        func tensor(_ shape: [Int]) -> Tensor {
            Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in Float(generator.next() >> 40) / 0x1p24 })
        }
        batch = scope.quantities[.batch].map(tensor)
        targetOutput = scope.quantities[.targetOut].map(tensor)
        unmaskedOutput = scope.quantities[.outUnmasked].map(tensor)
        maskedOutput = scope.quantities[.outMasked].map(tensor)
        for module in scope.modules {
            ci[module.name] = tensor(module.importances)
            ciUpper[module.name] = tensor(module.importances)
            v[module.name] = tensor(module.v)
            u[module.name] = tensor(module.u)
            w[module.name] = tensor(module.weight)
        }
    }
}
