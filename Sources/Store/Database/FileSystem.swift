import CLinux
import Glibc

/// The file system that a folder is on, as far as a state file must know it.
public struct FileSystem: Sendable, Equatable {
    /// What users call it: `ext4`, `NFS`.
    public let name: String
    /// Whether one kernel sees all its users, so shared memory and locks are dependable.
    ///
    /// False for anything unknown: the cautious way is right on both.
    public let isLocal: Bool

    /// The file system that holds `path`; nil if nothing is there, or the system does not say.
    public init?(holding path: String) {
        var info = statfs()
        var status: Int32
        repeat { status = statfs(path, &info) } while status != 0 && errno == EINTR
        guard status == 0 else { return nil }
        self.init(magic: UInt32(truncatingIfNeeded: info.f_type))
    }

    /// The file system with the kernel's number `magic` (`man 2 statfs`).
    init(magic: UInt32) {
        if let name = Self.local[magic] {
            (self.name, isLocal) = (name, true)
        } else {
            let name = Self.network[magic] ?? "unknown (0x\(String(magic, radix: 16)))"
            (self.name, isLocal) = (name, false)
        }
    }

    private static let local: [UInt32: String] = [
        0xEF53: "ext4", 0x5846_5342: "xfs", 0x9123_683E: "btrfs", 0x0102_1994: "tmpfs", 0x8584_58F6: "ramfs",
        0x794C_7630: "overlay", 0x2FC1_2FC1: "zfs", 0xF2F5_2010: "f2fs", 0xCA45_1A4E: "bcachefs",
    ]

    // Only for their names: what is not local is a network's.
    private static let network: [UInt32: String] = [
        0x6969: "NFS", 0x0BD0_0BD0: "Lustre", 0x4750_4653: "GPFS", 0x1983_0326: "BeeGFS", 0x00C3_6400: "Ceph",
        0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x517B: "SMB", 0x0102_1997: "9p", 0x6573_5546: "FUSE",
        0x5346_414F: "AFS", 0x6B41_4653: "AFS", 0x0116_1970: "GFS2", 0x7461_636F: "OCFS2", 0xAAD7_AAEA: "PanFS",
        0x2003_0528: "OrangeFS", 0x7375_7245: "Coda", 0x1803_1977: "WekaFS", 0x0187: "autofs",
    ]
}
