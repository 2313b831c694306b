public import Artifacts
import Foundation

/// A folder that is being filled and gets its name once it is whole.
///
/// A lock says that somebody is using it: the lock ends with its process, however that ends, so whoever finds it free
/// knows that the folder is left over. The lock is next to the folder, or the one that its maker holds on the place.
public final class Aside {
    /// Where the folder is.
    public let path: String
    /// The lock beside it.
    private var lock: FileLock?
    private var isPublished = false

    static let prefix = ".new-"
    static let lockSuffix = ".lock"
    private static let suffix = ".tmp"
    /// What earlier versions downloaded into.
    private static let earlierSuffix = ".new"

    /// Makes an empty folder with a lock of its own.
    ///
    /// - Parameters:
    ///   - parent: The folder that it is in, which is made if it is missing.
    ///   - name: What no other folder there is called.
    /// - Throws: `FileError`; then nothing is left.
    public init(in parent: String, named name: String) throws(FileError) {
        path = "\(parent)/\(Self.prefix)\(name)"
        try DurableFile.createFolder(parent)
        // Locked first: the folder is never without its owner.
        guard let lock = try FileLock(path: Self.lock(of: path)) else {
            throw FileError(.create, path, reason: "another process is using it")
        }
        self.lock = lock
        do throws(FileError) { try DurableFile.createFolder(path) } catch {
            close()
            throw error
        }
    }

    /// Makes an empty folder for what belongs at a place; the caller holds its ``lock(of:)``.
    ///
    /// - Throws: `FileError`; then nothing is left.
    public init(for place: String) throws(FileError) {
        path = "\(place).\(getpid())\(Self.suffix)"
        // Files of a killed process with the same number would be published with the new ones.
        Self.remove(path)
        guard FolderListing.isMissing(path) else {
            throw FileError(.create, path, reason: "a killed process left it and it cannot be deleted")
        }
        try DurableFile.createFolder(path)
    }

    /// Gives the folder its name, durably; its files are on disk already.
    ///
    /// - Throws: `FileError`: the folder then keeps its old name and its lock.
    public func publish(as name: String) throws(FileError) {
        try DurableFile.flush(namesIn: path)
        try DurableFile.rename(path, to: name)
        isPublished = true
        close()
    }

    /// Deletes the folder, unless it has its name, and releases it.
    public func discard() {
        if !isPublished { Self.remove(path) }
        close()
    }

    /// Lets go of the folder: it has got its name, or is deleted.
    public func close() {
        guard let lock else { return }
        unlink(Self.lock(of: path))
        lock.release()
        self.lock = nil
    }

    /// A folder that cannot be deleted takes room until `clean` finds it.
    private static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}

extension Aside {
    /// The lock held while making what belongs at a place, or while changing it.
    public static func lock(of place: String) -> String { place + lockSuffix }

    /// Deletes leftovers of processes killed while making what belongs at a place; the caller holds its lock.
    ///
    /// - Throws: `FileError` if the folder it is in cannot be listed.
    public static func removeUnfinished(of place: String) throws(FileError) {
        let (folder, name) = ((place as NSString).deletingLastPathComponent, (place as NSString).lastPathComponent)
        for left in try FolderListing.names(in: folder) where isUnfinished(left, of: name) {
            remove(folder + "/" + left)
        }
    }

    /// Deletes folders left by processes that have ended.
    ///
    /// - Parameters:
    ///   - parent: The folder that they are in.
    ///   - prefix: What their names begin with.
    ///   - delete: Deletes a folder.
    /// - Throws: `FileError` if the folder cannot be listed; what another user has left is left alone.
    public static func removeDead(in parent: String, named prefix: String, _ delete: (String) -> Void) throws(FileError)
    {
        for name in try FolderListing.names(in: parent)
        where name.hasPrefix(Self.prefix + prefix) && name.hasSuffix(lockSuffix) {
            let lockFile = parent + "/" + name
            // Another user's can't be opened.
            guard access(lockFile, W_OK) == 0, let lock = try FileLock(path: lockFile) else { continue }
            delete(String(lockFile.dropLast(lockSuffix.count)))
            unlink(lockFile)
            lock.release()
        }
    }

    /// Whether a folder of this name is being filled, with a lock of its own.
    static func isFolder(_ name: String) -> Bool { name.hasPrefix(prefix) && !name.hasSuffix(lockSuffix) }

    /// Whether some process made, in a folder of this name, what was to have the given name.
    public static func isUnfinished(_ name: String, of place: String) -> Bool {
        self.place(ofUnfinished: name) == place
    }

    /// The name of what was being made in a folder of this name; nil if nothing was.
    static func place(ofUnfinished name: String) -> String? {
        if name.hasSuffix(earlierSuffix) { return String(name.dropLast(earlierSuffix.count)) }
        guard name.hasSuffix(suffix) else { return nil }
        let parts = name.dropLast(suffix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 1, let process = parts.last, Int(process) != nil else { return nil }
        return parts.dropLast().joined(separator: ".")
    }
}
