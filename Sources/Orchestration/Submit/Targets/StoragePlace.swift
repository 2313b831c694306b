import CLinux
import Foundation

/// The free space of the file system that a folder is on or will be on, and of the user's quota there.
package struct StoragePlace {
    /// Bytes and files that are free, and who counts them; those that are not known are missing.
    package let free: [(bytes: Int?, files: Int?, owner: String)]

    package init(free: [(bytes: Int?, files: Int?, owner: String)]) { self.free = free }

    package init(holding folder: String) {
        var path = folder
        while path.count > 1, !FileManager.default.fileExists(atPath: path) {
            path = (path as NSString).deletingLastPathComponent
        }
        free = [Self.fileSystem(path), Self.quota(path)].compactMap(\.self)
    }

    /// What will run short, as text.
    package func shortages(bytes: Int, files: Int) -> [String] {
        free.flatMap { place in
            [
                place.bytes.flatMap { left in
                    bytes > left
                        ? "The files take about \(RunDetails.size(bytes)); \(place.owner) has \(RunDetails.size(left)) left"
                        : nil
                },
                place.files.flatMap { left in
                    files > left ? "There will be about \(files) files; \(place.owner) has room for \(left) more" : nil
                },
            ].compactMap(\.self)
        }
    }

    /// What is used up, in words.
    package var exhausted: [String] {
        free.filter { $0.bytes ?? .max < Self.nothing || $0.files == 0 }.map {
            "\($0.owner) has no space left: agents wait until there is space"
        }
    }

    /// Less than this is no room for a run's next row and the state file's next change.
    private static let nothing = 1 << 16

    private static func fileSystem(_ path: String) -> (Int?, Int?, String)? {
        var info = statvfs()
        // A file system of size zero does not report its size.
        guard statvfs(path, &info) == 0, info.f_blocks > 0 else { return nil }
        let bytes = Int(
            clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize)).partialValue)
        // Some file systems do not count files.
        return (bytes, info.f_files > 0 ? Int(clamping: UInt64(info.f_favail)) : nil, "the file system of \(path)")
    }

    /// The user's own quota, where this machine's kernel keeps it; a file server's is not known here.
    private static func quota(_ path: String) -> (Int?, Int?, String)? {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return nil }
        defer { close(folder) }
        var quota = spd_quota()
        guard spd_user_quota(folder, getuid(), &quota) == 0 else { return nil }
        let bytes = quota.bytes_limit > 0 ? Int(clamping: quota.bytes_limit) - Int(clamping: quota.bytes_used) : nil
        let files = quota.files_limit > 0 ? Int(clamping: quota.files_limit) - Int(clamping: quota.files_used) : nil
        guard bytes != nil || files != nil else { return nil }
        return (bytes.map { max(0, $0) }, files.map { max(0, $0) }, "your quota at \(path)")
    }
}
