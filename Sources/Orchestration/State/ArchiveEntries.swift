import Artifacts
import Foundation

/// What is in the folders of an archive: files and folders, and links that stay among them.
struct ArchiveEntries {
    private let root: String
    /// Where links may lead: real paths.
    private let inside: [String]
    private let mending: Bool

    /// Looks for what does not belong into an archive.
    ///
    /// - Parameters:
    ///   - root: A folder.
    ///   - names: What of it belongs to the archive, as paths below the folder.
    ///   - mending: Whether folders that may not be looked into or emptied are made so that they may.
    /// - Returns: The first entry that does not, and what is wrong with it, worded to follow its name; nil if there is none.
    /// - Throws: `FileError` for a folder that cannot be listed.
    static func fault(
        in root: String, of names: [String], mending: Bool = false
    ) throws(FileError) -> (name: String, flaw: String)? {
        let entries = ArchiveEntries(
            root: root, inside: names.filter { kind(root + "/" + $0) == S_IFDIR }.compactMap { real(root + "/" + $0) },
            mending: mending)
        for name in names.sorted() {
            if let fault = try entries.fault(at: name) { return fault }
        }
        return nil
    }

    private func fault(at name: String) throws(FileError) -> (name: String, flaw: String)? {
        let path = root + "/" + name
        switch Self.kind(path) {
        case S_IFREG, nil: return nil
        case S_IFDIR:
            if mending { chmod(path, 0o700) }
            for inner in try FolderListing.names(in: path).sorted() {
                if let fault = try fault(at: name + "/" + inner) { return fault }
            }
            return nil
        case S_IFLNK: return staysInside(path) ? nil : (name, "is a link that leads out of it")
        // They are there only while a program listens; tar leaves them out.
        case S_IFSOCK where !mending: return nil
        case S_IFIFO: return (name, "is a FIFO")
        case S_IFSOCK: return (name, "is a socket")
        default: return (name, "is a device")
        }
    }

    private func staysInside(_ link: String) -> Bool {
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link), !target.hasPrefix("/")
        else { return false }
        // One that leads nowhere is harmless unless it climbs: what it climbs out of may be a link.
        guard let end = Self.real(link) else { return !target.split(separator: "/").contains("..") }
        return inside.contains { end == $0 || end.hasPrefix($0 + "/") }
    }

    private static func real(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    /// The kind of what has that name itself; nil if there is nothing.
    private static func kind(_ path: String) -> mode_t? {
        var info = stat()
        return lstat(path, &info) == 0 ? info.st_mode & S_IFMT : nil
    }
}
