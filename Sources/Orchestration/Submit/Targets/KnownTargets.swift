package import Downloads
package import Experiments
import Foundation
package import Targets
import WandB

/// The targets that specs name and that are here already: each read and checked once.
package struct KnownTargets {
    /// Where runs of W&B's are kept that trained targets.
    package let downloads: TargetDownloads
    private var known: [TargetOrigin: Result<TargetConfig, TargetError>] = [:]

    package init(runs folder: String) {
        downloads = TargetDownloads(folder: folder, settings: WandBSettings())
    }

    /// How the target of a config was trained; nil for one that is not here yet.
    ///
    /// - Throws: What is missing or wrong, by the checks that agents make.
    package mutating func config(of config: ExperimentConfig, training: TargetConfig?) throws(TargetError)
        -> TargetConfig?
    {
        // Without a target it is known that there is none: the config's own checks say so.
        guard let origin = try? TargetOrigin(config, training: training) else { return nil }
        if config.taskConfig.kind.needsWorkerForTargets, training == nil { return nil }
        let path: String
        switch origin {
        case .training(let training): return training
        case .files(let files): path = files
        case .run(let run):
            guard downloads.hasFiles(of: run) else { return nil }
            path = downloads.place(of: run)
        case .hub: return nil
        }
        let result = known[origin] ?? Result { () throws(TargetError) in try TargetFiles(path: path).config }
        known[origin] = result
        return try result.get()
    }
}
