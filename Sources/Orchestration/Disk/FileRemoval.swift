import Artifacts
import Foundation
package import Layout

/// Removes folders and files that this program made.
package enum FileRemoval {
    /// Removes one as far as it can, and says what is left.
    package static func discard(_ path: String) {
        do { try FileManager.default.removeItem(atPath: path) } catch {
            if !FolderListing.isMissing(path) { printError("could not remove \(path): \(error.localizedDescription)") }
        }
    }

    /// Removes a folder that has not got its name, and lets go of it.
    package static func discard(_ aside: Aside) {
        discard(aside.path)
        aside.close()
    }

    /// Removes one with all that is in it.
    package static func remove(_ path: String) throws(Failure) {
        do { try FileManager.default.removeItem(atPath: path) } catch {
            guard !FolderListing.isMissing(path) else { return }
            throw .failed(
                "cannot delete all of \(path): \(error.localizedDescription); "
                    + (ownerInTheWay(of: path).map { "\($0.path) belongs to \($0.owner), who can delete it" }
                        ?? "try again"))
        }
    }

    /// The first folder, from the one above to those inside, from which this user may remove nothing since it is another's.
    private static func ownerInTheWay(of folder: String) -> (path: String, owner: String)? {
        let above = String(folder[..<(folder.lastIndex(of: "/") ?? folder.endIndex)])
        var paths = [above, folder]
        if let names = FileManager.default.enumerator(atPath: folder) {
            for case let name as String in names { paths.append(folder + "/" + name) }
        }
        for path in paths {
            var info = stat()
            guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR, access(path, W_OK | X_OK) != 0,
                info.st_uid != geteuid()
            else { continue }
            let name = getpwuid(info.st_uid).flatMap { $0.pointee.pw_name }.map { String(cString: $0) }
            return (path, name ?? "user \(info.st_uid)")
        }
        return nil
    }
}
