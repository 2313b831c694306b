import Artifacts
public import Downloads
public import Experiments
import Foundation
import Kernels
public import Layout

/// Trained targets, shared by all runs: each train config's target is trained once, whoever needs it first.
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

    /// The target that a plan decomposes; nil if the run was asked to stop first.
    ///
    /// - Throws: `RunError`, `FileError`.
    func target(of plan: RunPlan, surroundings: RunSurroundings) throws -> TargetFiles? {
        switch plan.config.pretrainedModelPath {
        case .train(let name):
            guard let config = plan.target else {
                throw RunError.invalid(
                    "pretrained_model_path: the spec holds no training config for train:\(name)")
            }
            return try trained(config, threads: plan.threads, surroundings: surroundings)
        case .local(let path): return try TargetFiles(path: plan.targetFiles ?? path)
        case .wandb(let reference):
            return try downloaded(reference, surroundings: surroundings)
        case nil:
            throw RunError.invalid("pretrained_model_path: it is null, so there is no target to decompose")
        }
    }

    /// The target that a run on W&B trained, downloaded once whoever needs it first; nil if asked to stop first.
    private func downloaded(
        _ run: WandBRunReference, surroundings: RunSurroundings
    ) throws(RunError) -> TargetFiles? {
        guard let downloads else {
            throw .invalid("pretrained_model_path: \(PretrainedModel.wandb(run)) has no place to be downloaded to")
        }
        let place: String?
        do throws(TargetDownloadError) {
            place = try downloads.fetch(
                run, check: { _ = try TargetFiles(path: $0) }, say: surroundings.say,
                shouldStop: surroundings.shouldStop)
        } catch {
            throw error.mayPass ? .failed("\(error)") : .invalid("\(error)")
        }
        guard let place else { return nil }
        return try TargetFiles(path: place)
    }

    /// The target of a train config, trained once whoever needs it first.
    ///
    /// It is read from the cache, or trained into it, or waited for while another process trains it; nil if asked to
    /// stop first.
    ///
    /// - Throws: `RunError`, `FileError`.
    public func trained(_ config: TargetConfig, threads: Int, surroundings: RunSurroundings) throws
        -> TargetFiles?
    {
        let kind = if case .tms = config { "tms" } else { "resid_mlp" }
        let place = folder.target(kind: kind, digest: SHA256.hex(config.canonicalJSON()))
        let isThere = { FileManager.default.fileExists(atPath: place + "/metadata.json") }
        try DurableFile.createFolder(folder.path)
        var hasSaidWaiting = false
        while !isThere() {
            guard let lock = try FileLock(path: TargetsFolder.lock(of: place)) else {
                if !hasSaidWaiting {
                    surroundings.say("waits for another agent that trains the target \(place)")
                }
                hasSaidWaiting = true
                if surroundings.shouldStop() { return nil }
                Thread.sleep(forTimeInterval: Double.random(in: 0.1...0.3))
                continue
            }
            defer { lock.release() }
            if isThere() { break }
            removeUnfinished(of: place)
            guard try Self.train(config, threads: threads, into: place, surroundings: surroundings) else {
                return nil
            }
        }
        return try TargetFiles(folder: place, config: config)
    }

    /// Removes what others left that were killed while they trained the target; whoever calls this holds its lock.
    private func removeUnfinished(of place: String) {
        // What cannot be listed or removed costs space, nothing else.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        where TargetsFolder.isUnfinished(name, of: (place as NSString).lastPathComponent) {
            try? FileManager.default.removeItem(atPath: folder.path + "/" + name)
        }
    }

    /// Trains a target until a seed represents every feature, and puts its files where `folder` will be.
    ///
    /// - Returns: False if asked to stop first; nothing is then left behind.
    /// - Throws: `RunError` if no seed will do, `FileError`.
    public static func train(
        _ config: TargetConfig, threads: Int, into folder: String, surroundings: RunSurroundings
    ) throws -> Bool {
        let temporary = TargetsFolder.unfinished(folder)
        try? FileManager.default.removeItem(atPath: temporary)
        try DurableFile.createFolder(temporary)
        defer { try? FileManager.default.removeItem(atPath: temporary) }
        var rejected: [TargetFiles.Metadata.Rejected] = []
        let (firstSeed, tries) = config.seeds
        for seed in firstSeed..<firstSeed + tries {
            surroundings.say("trains the target with seed \(seed)")
            guard let result = try config.trained(seed: seed, threads: threads, surroundings: surroundings)
            else {
                return false
            }
            guard result.unrepresented.isEmpty else {
                rejected.append(.init(seed: seed, unrepresented: result.unrepresented))
                let features = result.unrepresented.map(String.init).joined(separator: ", ")
                surroundings.say("seed \(seed) leaves features \(features) unrepresented; tries the next")
                continue
            }
            surroundings.say("the target is trained: seed \(seed), loss \(result.loss)")
            try TargetFiles.write(
                result.model, config: config, labelCoefficients: result.labelCoefficients,
                metadata: .init(seed: seed, rejected: rejected, loss: result.loss), to: temporary)
            guard rename(temporary, folder) == 0 else {
                throw FileError(.create, folder, reason: String(cString: strerror(errno)))
            }
            return true
        }
        throw RunError.failed(
            "no target with seeds \(firstSeed)…\(firstSeed + tries - 1) represents every feature; raise max_seeds or steps"
        )
    }
}

extension TargetConfig {
    fileprivate struct Result {
        let model: TargetModel
        let loss: Double
        let unrepresented: [Int]
        let labelCoefficients: [Float]?
    }

    fileprivate var seeds: (first: Int, tries: Int) {
        switch self {
        case .tms(let training): (training.seed, training.maxSeeds)
        case .residualMLP(let training): (training.seed, training.maxSeeds)
        }
    }

    fileprivate func trained(
        seed: Int, threads: Int, surroundings: RunSurroundings
    ) throws -> Result? {
        let goesOn = { (_: Int, _: Double) in !surroundings.shouldStop() }
        switch self {
        case .tms(let config):
            return try Kernels.TMSTraining(config).train(seed: seed, progress: goesOn).map {
                Result(
                    model: .tms($0.target), loss: $0.loss, unrepresented: $0.target.unrepresentedFeatures,
                    labelCoefficients: nil)
            }
        case .residualMLP(let config):
            let training = try Kernels.ResidualMLPTraining(config)
            return try training.train(seed: seed, threads: threads, progress: goesOn).map {
                Result(
                    model: .residualMLP($0.target), loss: $0.loss, unrepresented: [],
                    labelCoefficients: training.labelCoefficients)
            }
        }
    }
}
