import Glibc

/// What a folder holds; one that cannot be listed is never mistaken for an empty one.
public enum FolderListing {
    /// The names in a folder, in no order.
    ///
    /// - Parameter path: The folder.
    /// - Returns: None if there is no such folder.
    /// - Throws: `FileError` if it exists but cannot be listed.
    public static func names(in path: String) throws(FileError) -> [String] {
        guard let folder = opendir(path) else {
            guard errno == ENOENT || errno == ENOTDIR else { throw FileError(.read, path) }
            return []
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                guard errno == 0 else { throw FileError(.read, path) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// Whether nothing has this name, rather than something that cannot be looked at; a link counts as itself.
    public static func isMissing(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) != 0 && errno == ENOENT
    }

    /// Whether there is something of a name.
    ///
    /// - Parameter path: The file or folder; a link counts as what it leads to.
    /// - Returns: False if there is none.
    /// - Throws: `FileError` if that cannot be found out.
    public static func holds(_ path: String) throws(FileError) -> Bool {
        var information = stat()
        if stat(path, &information) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw FileError(.read, path) }
        return false
    }
}
