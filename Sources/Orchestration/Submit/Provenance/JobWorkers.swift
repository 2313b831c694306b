import Artifacts
import Foundation
package import Store

/// The workers in jobs' folders, which are never changed: jobs that take the same program along share one file.
///
/// A user's own file is never shared with: it may be overwritten in its place.
package struct JobWorkers {
    private let cache: CacheFolder

    /// How many of the latest jobs are looked at.
    private static let latest = 3

    package init(in cache: CacheFolder) {
        self.cache = cache
    }

    /// Puts a worker into a new job's folder: as another name of a recent job's, if that is the same, else as a copy.
    package func take(_ worker: String, as destination: String) throws(Failure) {
        for path in recent where Self.isSame(path, worker) {
            // Not every file system knows links; a copy does as well.
            if link(path, destination) == 0 { return }
        }
        try FileCopy.make(of: worker, at: destination, mode: 0o755)
    }

    private var recent: [String] {
        do throws(FileError) {
            // Submissions that are working right now, or were cut short, may have it too.
            let folders = try cache.jobFolders()
            return (folders.jobs.prefix(Self.latest) + folders.drafts).map(\.worker)
        } catch { return [] }
    }

    /// Whether two files hold the same bytes and the first may be run.
    private static func isSame(_ first: String, _ second: String) -> Bool {
        var (a, b) = (stat(), stat())
        guard lstat(first, &a) == 0, stat(second, &b) == 0, a.st_mode & S_IFMT == S_IFREG, a.st_mode & 0o111 != 0,
            a.st_size == b.st_size, let one = fopen(first, "re")
        else { return false }
        defer { fclose(one) }
        guard let other = fopen(second, "re") else { return false }
        defer { fclose(other) }
        var (left, right) = ([UInt8](repeating: 0, count: 1 << 20), [UInt8](repeating: 0, count: 1 << 20))
        while true {
            let count = fread(&left, 1, left.count, one)
            guard fread(&right, 1, right.count, other) == count, memcmp(left, right, count) == 0 else { return false }
            if count == 0 { return ferror(one) == 0 && ferror(other) == 0 }
        }
    }
}
