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
        try RunKinds.of(plan.config.taskConfig.kind).target(of: plan, in: self, hooks: hooks)
    }

    /// A network of the shape that a spec decomposes, at once: one that would have to be trained is trained roughly.
    ///
    /// A step's time does not depend on how good its target is.
    ///
    /// - Throws: `RunError` for what cannot be decomposed, or has to be downloaded first.
    func sample(
        of config: ExperimentConfig, training: TargetConfig?, copy: String? = nil, threads: Int
    ) throws -> any RunTarget {
        try RunKinds.of(config.taskConfig.kind).sample(
            of: config, training: training, copy: copy, in: self, threads: threads)
    }

    /// Where the files of a run on W&B are that trained a target; nil where they are not here yet.
    func place(of run: WandBRunReference) -> String? {
        guard let downloads, downloads.hasFiles(of: run) else { return nil }
        return downloads.place(of: run)
    }

    /// Reads a target's files.
    static func read(_ path: String) throws(RunError) -> TargetFiles {
        do throws(TargetError) { return try TargetFiles(path: path) } catch { throw RunError(error) }
    }

    /// The target that a run on W&B trained, downloaded once by the first that needs it; nil if asked to stop first.
    func downloaded(
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
        let isTrained = try RunKinds.of(config.kind)
            .train(config, into: aside.path, threads: threads, hooks: hooks)
        if isTrained { try aside.publish(as: folder) }
        return isTrained
    }
}
