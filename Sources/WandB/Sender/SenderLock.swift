import Artifacts
import CLinux
import Foundation
import Glibc
import HTTP

/// The right to send a folder's rows, which one process has at a time, on whatever node.
///
/// Two things together keep senders apart, because neither does everywhere:
///
/// - A byte-range lock of the open file (OFD). Unlike `flock`, it is what NFS and Lustre carry from node to
///   node, and unlike plain `fcntl` locks it is not lost when another thread closes the same file. The kernel
///   gives it back at the holder's death, so on one machine it alone decides.
/// - A lease, `sender.json`: host, process and a file that the holder touches. It speaks where locks do not
///   reach other nodes (`nolock`, `localflock`, 9p), and is believed for a minute after the last touch. Ages
///   are judged by the file server's clock alone: nodes' clocks differ.
struct SenderLock: ~Copyable {
    /// How long another node's holder may be silent.
    static let lease: Duration = .seconds(60)
    /// How often a holder touches its file.
    static let renewal: Duration = .seconds(15)

    /// `sender.json`.
    struct Holder: Codable, Equatable, Sendable {
        let host: String
        /// Tells machines apart whose names are alike.
        let boot: String
        let pid: Int32
        /// The start of the process in the kernel's ticks since boot: numbers of processes come again.
        let started: UInt64
        /// The file that the holder touches; nil if that is the lease itself.
        var presence: String?
        /// Tells this holder from all others.
        let token: String

        static func this(presence: String?) -> Holder {
            Holder(
                host: ThisMachine.hostName, boot: bootID, pid: getpid(), started: KernelFiles().thisProcess?.start ?? 0,
                presence: presence,
                token: String(UInt64.random(in: 0 ... .max), radix: 36))
        }

        /// Whether the process is known to run on this machine.
        var runsHere: Bool { KernelFiles().process(pid)?.start == started }
    }

    private let descriptor: Int32
    private let folder: SpoolFolder
    private let holder: Holder
    private var renewed: ContinuousClock.Instant

    /// Takes the right.
    ///
    /// - Parameters:
    ///   - folder: what is to be sent.
    ///   - presence: a file that shows a holder of many locks alive, touched on its own; else each lock is renewed.
    /// - Returns: nil while another holds it, or has folded the folder since.
    /// - Throws: `SpoolError` if the folder cannot be read or written.
    static func take(_ folder: SpoolFolder, presence: String? = nil) throws(SpoolError) -> SenderLock? {
        let descriptor = open(folder.lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            let (code, reason) = (errno, SpoolError.systemReason)
            // Another sender may have been done with it, and folded it, since the caller looked.
            if code == ENOENT, folder.isFolded { return nil }
            throw .cannotCreate(path: folder.lockPath, reason: reason)
        }
        var isHeld = true
        defer { if isHeld { close(descriptor) } }
        let isLocked: Bool
        switch lock(descriptor) {
        case 0: isLocked = true
        case EAGAIN, EACCES: return nil
        // A file system without locks: the lease has to do.
        default: isLocked = false
        }
        // A process that folded the folder meanwhile took this lock file along: others lock a new one.
        guard isCurrent(descriptor, in: folder) else { return nil }
        if let other = try folder.holder(), isAlive(other, in: folder, isLocked: isLocked, clock: descriptor) {
            return nil
        }
        folder.removeUnfinished(["sent.json", "sender.json"])
        let holder = Holder.this(presence: presence)
        try folder.write(holder)
        isHeld = false
        return SenderLock(descriptor: descriptor, folder: folder, holder: holder)
    }

    private init(descriptor: Int32, folder: SpoolFolder, holder: Holder) {
        self.descriptor = descriptor
        self.folder = folder
        self.holder = holder
        renewed = .now
    }

    /// Gives the right back, at once for everybody.
    consuming func release() {}

    deinit {
        if (try? folder.holder()) == holder { unlink(folder.holderPath) }
        close(descriptor)
    }

    /// Shows that the holder lives, when that is due.
    ///
    /// - Returns: whether the right is still this holder's.
    mutating func renew(at now: ContinuousClock.Instant) throws(SpoolError) -> Bool {
        guard now - renewed >= Self.renewal else { return true }
        guard try folder.holder() == holder else { return false }
        if holder.presence == nil { utimensat(AT_FDCWD, folder.holderPath, nil, 0) }
        renewed = now
        return true
    }

    /// Whether a lease's holder may still be working, given whether the kernel let us have its lock.
    private static func isAlive(
        _ holder: Holder, in folder: SpoolFolder, isLocked: Bool, clock: Int32
    ) -> Bool {
        if holder.boot == bootID { return !isLocked && holder.runsHere }
        // The server's time: that of our own touch.
        futimens(clock, nil)
        guard let now = modified(clock), let last = modified(holder.presence ?? folder.holderPath) else {
            return false
        }
        return now - last < lease.seconds
    }

    /// Locks a byte of an open file; 0, or why that is not possible.
    static func lock(_ descriptor: Int32, byte: off_t = 0) -> Int32 {
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = byte
        range.l_len = 1
        return fcntl(descriptor, SPD_F_OFD_SETLK, &range) == 0 ? 0 : errno
    }

    /// Whether the open file is still the folder's lock file.
    static func isCurrent(_ descriptor: Int32, in folder: SpoolFolder) -> Bool {
        var (ours, current) = (stat(), stat())
        return fstat(descriptor, &ours) == 0 && stat(folder.lockPath, &current) == 0 && ours.st_ino == current.st_ino
    }

    /// When a file was last touched; opened, because NFS asks its server again only then.
    private static func modified(_ path: String) -> Double? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return modified(descriptor)
    }

    private static func modified(_ descriptor: Int32) -> Double? {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { return nil }
        return Double(info.st_mtim.tv_sec) + Double(info.st_mtim.tv_nsec) * 1e-9
    }

    private static let bootID =
        FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id")
        .map { String(decoding: $0.dropLast(), as: UTF8.self) } ?? ThisMachine.hostName
}

extension SpoolFolder {
    var holderPath: String { path + "/sender.json" }
    /// The lease; one that cannot be read binds nobody.
    func holder() throws(SpoolError) -> SenderLock.Holder? {
        do {
            return try read("sender.json")
        } catch {
            guard case .damaged = error else { throw error }
            return nil
        }
    }
    func write(_ holder: SenderLock.Holder) throws(SpoolError) { try write(holder, to: "sender.json") }
}
