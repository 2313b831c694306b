import Experiments
import Foundation
import Store

extension SiteFile {
    /// The site file beside the state: `site.yaml`.
    static func path(in cache: CacheFolder) -> String { cache.path + "/site.yaml" }

    /// The defaults in the cache folder's `site.yaml`; none if there is no such file.
    static func read(cache: CacheFolder) throws(Failure) -> SiteFile {
        let path = path(in: cache)
        var info = stat()
        guard lstat(path, &info) == 0 || errno != ENOENT && errno != ENOTDIR else { return SiteFile() }
        do throws(ConfigError) { return try SiteFile.load(path: path) } catch { throw Failure(error) }
    }
}
