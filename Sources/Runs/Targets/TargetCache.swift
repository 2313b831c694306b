import Artifacts
public import Downloads
public import Experiments
import Foundation
import Kernels
public import Layout
public import Targets

/// Trained targets, shared by all runs: the first run that needs a train config's target trains it, once.
public struct TargetCache: Sendable {
    /// The folder that holds a folder per target.
    public let folder: TargetsFolder
    /// Targets that were trained on W&B.
    private let downloads: TargetDownloads?

    /// Names a cache without touching it; without `downloads` there are no targets from W&B.
    public init(folder: TargetsFolder, downloads: TargetDownloads? = nil) {
        self.folder = folder
        self.downloads = downloads
    }

    /// The target that a plan decomposes, found to go with its config; nil if the run was asked to stop first.
    ///
    /// - Throws: `RunError`, `FileError`.
    func target(of plan: RunPlan, hooks: RunHooks) throws -> (any RunTarget)? {
        if plan.config.taskConfig.text != nil {
            return try LanguageTargets(targets: folder).target(of: plan, hooks: hooks)
        }
        let origin: TargetOrigin
        do throws(TargetError) {
            origin = try TargetOrigin(plan.config, training: plan.target, copy: plan.targetFiles)
        } catch { throw RunError(error) }
        let files: TargetFiles? =
            switch origin {
            case .training(let config): try trained(config, threads: plan.threads, hooks: hooks)
            case .files(let path): try Self.read(path)
            case .run(let run): try downloaded(run, hooks: hooks)
            case .hub(let name):
                throw RunError.invalid("pretrained_model_name_hf: \(name) is a language model; task_name is not lm")
            }
        guard let files else { return nil }
        if let obstacle = plan.config.obstacles(decomposing: files.config).first {
            throw RunError.invalid("\(obstacle.key): \(obstacle.reason)")
        }
        return try FeatureRunTarget(files)
    }

    /// A network of the shape that a spec decomposes, at once: one that would have to be trained is trained roughly.
    ///
    /// A step's time does not depend on how good its target is.
    ///
    /// - Throws: `RunError` for what cannot be decomposed, or has to be downloaded first.
    func sample(
        of config: ExperimentConfig, training: TargetConfig?, copy: String? = nil, threads: Int
    ) throws -> any RunTarget {
        if config.taskConfig.text != nil {
            return try LanguageTargets(targets: folder).sample(of: config, training: training, sources: copy)
        }
        do {
            let files: TargetFiles
            switch try TargetOrigin(config, training: training, copy: copy) {
            case .training(let training):
                return FeatureRunTarget(rough: try training.roughTarget(threads: threads), training)
            case .files(let path): files = try TargetFiles(path: path)
            case .run(let run):
                guard let downloads, downloads.hasFiles(of: run) else {
                    throw TargetError("its target is not here yet")
                }
                files = try TargetFiles(path: downloads.place(of: run))
            case .hub(let name):
                throw TargetError("pretrained_model_name_hf: \(name) is a language model; task_name is not lm")
            }
            return try FeatureRunTarget(files)
        } catch let error as TargetError {
            throw RunError(error)
        }
    }

    private static func read(_ path: String) throws(RunError) -> TargetFiles {
        do throws(TargetError) { return try TargetFiles(path: path) } catch { throw RunError(error) }
    }

    /// The target that a run on W&B trained, downloaded once by the first that needs it; nil if asked to stop first.
    private func downloaded(
        _ run: WandBRunReference, hooks: RunHooks
    ) throws(RunError) -> TargetFiles? {
        guard let downloads else {
            throw .invalid("pretrained_model_path: \(PretrainedModel.wandb(run)) has no place to be downloaded to")
        }
        let place: String?
        do throws(TargetDownloadError) {
            place = try downloads.fetch(
                run, check: { _ = try TargetFiles(path: $0) }, say: hooks.say,
                shouldStop: hooks.shouldStop)
        } catch {
            throw error.mayPass ? .failed("\(error)") : .invalid("\(error)")
        }
        guard let place else { return nil }
        return try Self.read(place)
    }

    /// The target of a train config, trained once by the first run that needs it.
    ///
    /// It is read from the cache, or trained into it, or another process trains it and this one waits; nil if asked to
    /// stop first.
    ///
    /// - Throws: `RunError`, `FileError`.
    public func trained(_ config: TargetConfig, threads: Int, hooks: RunHooks) throws
        -> TargetFiles?
    {
        let place = try once(config, hooks: hooks) { place in
            try Self.train(config, threads: threads, into: place, hooks: hooks)
        }
        return try place.map(Self.read)
    }

    /// The folder of what a training config makes, made once by the first that needs it; nil if asked to stop first.
    ///
    /// - Parameters:
    ///   - config: The training config.
    ///   - hooks: Whom to notify, and whether to stop.
    ///   - make: Makes the folder; false if it was given up.
    /// - Returns: The folder.
    /// - Throws: `FileError`, or what `make` throws.
    func once(
        _ config: TargetConfig, hooks: RunHooks, make: (String) throws -> Bool
    ) throws -> String? {
        let place = folder.target(kind: config.kind.tag, digest: SHA256.hex(config.canonicalJSON()))
        let isThere = { FileManager.default.fileExists(atPath: TargetsFolder.record(of: place)) }
        if isThere() { return place }
        try DurableFile.createFolder(folder.path)
        let lock = try FileLock.waiting(
            for: Aside.lock(of: place), tell: { hooks.say("waits for another agent that trains the target \(place)") },
            shouldStop: hooks.shouldStop)
        guard let lock else { return nil }
        defer { lock.release() }
        if isThere() { return place }
        try Aside.removeUnfinished(of: place)
        return try make(place) ? place : nil
    }

    /// Trains a target until a seed represents every feature, and puts its files where `folder` will be.
    ///
    /// - Returns: False if asked to stop first; nothing is then left behind.
    /// - Throws: `RunError` if no seed will do, `FileError`.
    public static func train(
        _ config: TargetConfig, threads: Int, into folder: String, hooks: RunHooks
    ) throws -> Bool {
        let aside = try Aside(for: folder)
        defer { aside.discard() }
        let isTrained =
            if let language = LanguageTargetFolder(config) {
                try language.train(into: aside.path, threads: threads, hooks: hooks)
            } else {
                try trainFeatures(config, threads: threads, into: aside.path, hooks: hooks)
            }
        if isTrained { try aside.publish(as: folder) }
        return isTrained
    }

    private static func trainFeatures(
        _ config: TargetConfig, threads: Int, into temporary: String, hooks: RunHooks
    ) throws -> Bool {
        var rejected: [TrainingRecord.Rejected] = []
        let (firstSeed, tries) = (config.training.seed, config.training.maxSeeds)
        for seed in firstSeed..<firstSeed + tries {
            hooks.say("trains the target with seed \(seed)")
            var pace = TargetPace()
            let result = try config.train(seed: seed, threads: threads) { step, steps, loss in
                if let progress = pace.tick(step: step, of: steps, loss: loss) { hooks.training(progress) }
                return !hooks.shouldStop()
            }
            guard let result else { return false }
            guard result.unrepresented.isEmpty else {
                rejected.append(.init(seed: seed, unrepresented: result.unrepresented))
                let features = result.unrepresented.map(String.init).joined(separator: ", ")
                hooks.say("seed \(seed) leaves features \(features) unrepresented; tries the next")
                continue
            }
            hooks.say("the target is trained: seed \(seed), loss \(result.loss)")
            try TargetFiles.write(
                result, config: config, record: .init(seed: seed, rejected: rejected, loss: result.loss), to: temporary)
            return true
        }
        throw RunError.failed(
            "no target with seeds \(firstSeed)…\(firstSeed + tries - 1) represents every feature; raise max_seeds or steps"
        )
    }
}
