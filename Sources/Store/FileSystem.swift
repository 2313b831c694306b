import Foundation

/// What the state file must know about the file system it lies on.
enum FileSystem: Equatable {
    /// One kernel sees all its users: shared memory and byte-range locks are dependable.
    case local
    /// Other machines may write to it, or nobody knows: no shared memory, so no write-ahead log.
    case network

    /// The kind of the file system that holds the existing `path`, as the kernel's list of mounts says.
    ///
    /// Anything unknown counts as a network file system: the cautious mode is right on both.
    init(holding path: String) {
        guard let mounts = FileManager.default.contents(atPath: "/proc/self/mountinfo"),
            let real = realpath(path, nil)
        else {
            self = .network
            return
        }
        defer { free(real) }
        self.init(holding: String(cString: real), mounts: String(decoding: mounts, as: UTF8.self))
    }

    /// The kind of the file system that holds `path` among `mounts`, the text of `/proc/self/mountinfo`.
    init(holding path: String, mounts: String) {
        var best: (length: Int, type: Substring) = (0, "")
        for line in mounts.split(separator: "\n") {
            // 36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, dash > 4 else { continue }
            let point = Self.unescape(fields[4])
            let holds = point == "/" || path == point || path.hasPrefix(point + "/")
            // A later mount on the same point hides the earlier one.
            if holds, point.utf8.count >= best.length { best = (point.utf8.count, fields[dash + 1]) }
        }
        self = Self.localTypes.contains(String(best.type)) ? .local : .network
    }

    // NFS, Lustre, GPFS, BeeGFS, CIFS, 9p, virtiofs, FUSE and the like are left out on purpose.
    private static let localTypes: Set<String> = [
        "ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "ramfs", "overlay", "zfs", "f2fs", "bcachefs",
    ]

    /// Undoes the list's octal escapes of blanks and backslashes.
    private static func unescape(_ field: Substring) -> String {
        var text = String(field)
        for (escape, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
            text = text.replacingOccurrences(of: escape, with: character)
        }
        return text
    }
}
