import Downloads
package import Experiments
import Foundation
package import Store
import Targets
import WandB

/// Targets that a submission's configs name by their runs on W&B: brought into the cache before anything is stored,
/// since compute nodes may have no way to the internet.
package struct RemoteTargets {
    package let cache: CacheFolder
    package let environment: [String: String]

    package init(cache: CacheFolder, environment: [String: String]) {
        self.cache = cache
        self.environment = environment
    }

    /// Downloads what is not there, one after the other, and says so.
    ///
    /// - Throws: Why one is not available; those before it stay in the cache.
    package func fetch(_ runs: [WandBRunReference]) throws(Failure) {
        guard !runs.isEmpty else { return }
        let downloads = TargetDownloads(folder: cache.runs, settings: try settings(for: runs))
        for run in runs {
            let place: String?
            do throws(TargetDownloadError) {
                place = try downloads.fetch(
                    run, check: { _ = try TargetFiles(path: $0) }, say: { printError($0) },
                    shouldStop: { Interruption.isRequested })
            } catch {
                throw error.mayPass
                    ? .failed("\(error); nothing was stored") : .badInput("\(error); nothing was stored")
            }
            guard let place else { throw .interrupted }
            do throws(TargetError) { _ = try TargetFiles(path: place) } catch {
                let advice = "delete the folder to have it downloaded again"
                throw .failed("\(PretrainedModel.wandb(run)) is in the cache, but \(error); \(advice)")
            }
        }
    }

    /// What `submit --dry-run` prints about them.
    package func preview(_ runs: [WandBRunReference]) -> [String] {
        let downloads = TargetDownloads(folder: cache.runs, settings: WandBSettings())
        return runs.filter { !downloads.hasFiles(of: $0) }.map {
            "Would download \(PretrainedModel.wandb($0)) to \(downloads.place(of: $0))."
        }
    }

    /// The settings, which need not be valid where everything is there.
    private func settings(for runs: [WandBRunReference]) throws(Failure) -> WandBSettings {
        do {
            return try WandBSettings.read(
                environment: environment, workingDirectory: FileManager.default.currentDirectoryPath,
                homeDirectory: environment["HOME"])
        } catch {
            let cached = TargetDownloads(folder: cache.runs, settings: WandBSettings())
            if runs.allSatisfy(cached.hasFiles) { return WandBSettings() }
            throw .badInput("\(error)")
        }
    }
}
