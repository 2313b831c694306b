package import Experiments
import Foundation
import Slurm
package import Store

extension SiteFile {
    /// The site file next to the state: `site.yaml`.
    package static func path(in cache: CacheFolder) -> String { cache.siteFile }

    /// The defaults in the cache folder's `site.yaml`; none if there is no such file.
    package static func read(cache: CacheFolder) throws(Failure) -> SiteFile {
        let path = path(in: cache)
        var info = stat()
        guard lstat(path, &info) == 0 || errno != ENOENT && errno != ENOTDIR else { return SiteFile() }
        // Messages about it show its values, and these go into batch scripts.
        try Secrets(ProcessInfo.processInfo.environment).refuse(files: [path])
        let site: SiteFile
        do throws(ConfigError) { site = try SiteFile.load(path: path) } catch { throw Failure(error) }
        for (argument, place) in zip(site.sbatchArguments, site.sbatchArgumentPlaces) {
            guard let clash = SbatchClash(in: argument) else { continue }
            let line = place.map { ":\($0.line):\($0.column)" } ?? ""
            throw .badInput("\(path)\(line): sbatch-args: " + clash.refusal { "the key '\($0)' is for that" })
        }
        return site
    }
}
