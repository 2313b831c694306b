public import Artifacts
import Glibc

/// A folder that is being filled and gets its name once it is whole.
///
/// A lock next to it says that somebody is using it: the lock ends with its process, however that ends, so whoever
/// finds it free knows that the folder is left over.
public final class Aside {
    /// Where the folder is.
    public let path: String
    private var lock: FileLock?

    static let prefix = ".new-"
    static let lockSuffix = ".lock"

    /// Makes an empty folder.
    ///
    /// - Parameters:
    ///   - parent: The folder that it is in, which is made if it is missing.
    ///   - name: What no other folder there is called.
    /// - Throws: `FileError`; then nothing is left.
    public init(in parent: String, named name: String) throws(FileError) {
        path = "\(parent)/\(Self.prefix)\(name)"
        try DurableFile.createFolder(parent)
        // Locked first: the folder is never without its owner.
        guard let lock = try FileLock(path: path + Self.lockSuffix) else {
            throw FileError(.create, path, reason: "another process is using it")
        }
        self.lock = lock
        do throws(FileError) { try DurableFile.createFolder(path) } catch {
            close()
            throw error
        }
    }

    /// Lets go of the folder: it has got its name, or is deleted.
    public func close() {
        guard let lock else { return }
        unlink(path + Self.lockSuffix)
        lock.release()
        self.lock = nil
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

    /// Whether a folder of this name is being filled.
    public static func isFolder(_ name: String) -> Bool { name.hasPrefix(prefix) && !name.hasSuffix(lockSuffix) }
}
