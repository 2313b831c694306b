import Foundation

/// A file below a folder, and what it takes.
package struct SizedFile {
    /// Its path below the folder.
    package let name: String
    package let bytes: Int
    /// What all names of a file with several names have in common; nil for one that has a single name.
    package let link: [UInt64]?

    /// The files below a folder, by name; none if there is no such folder.
    package static func all(in folder: String) throws(Failure) -> [SizedFile] {
        guard access(folder, R_OK | X_OK) == 0 else {
            guard errno == ENOENT else {
                throw .failed("cannot look into \(folder): \(String(cString: strerror(errno)))")
            }
            return []
        }
        let names = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
        return names.sorted().compactMap { name in
            var info = stat()
            guard lstat(folder + "/" + name, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
            return SizedFile(
                name: name, bytes: Int(info.st_size),
                link: info.st_nlink > 1 ? [UInt64(info.st_dev), UInt64(info.st_ino)] : nil)
        }
    }
}
