import Artifacts
import Foundation

/// Where a data set may be on this machine.
struct DatasetCaches {
    let settings: HubSettings
    /// Our own cache.
    let cache: String

    /// The folders that hold a data set's files, likeliest first.
    ///
    /// - Throws: `FileError` if a cache cannot be read: it may hold the data set.
    func folders(of name: HubName) throws(FileError) -> [String] {
        var folders: [String] = []
        for place in [settings.hubCache, cache] {
            if let snapshot = try HubFolder(name, in: place).snapshot() { folders.append(snapshot.folder) }
        }
        return try folders + tables(of: name)
    }

    /// The folders of tables that the `datasets` package has made: `<config>/<version>/<hash>`, `default` and the
    /// newest first.
    private func tables(of name: HubName) throws(FileError) -> [String] {
        let root = settings.datasetsCache + "/" + name.datasetsFolder
        let configs = try Self.folders(in: root).sorted { first, second in
            let isFirst = first.hasSuffix("/default")
            return isFirst == second.hasSuffix("/default") ? first < second : isFirst
        }
        var tables: [String] = []
        for config in configs {
            var builds: [String] = []
            for version in try Self.folders(in: config) { builds += try Self.folders(in: version) }
            tables += builds.filter { !$0.hasSuffix(".incomplete") }.sorted { Self.change($0) > Self.change($1) }
        }
        return tables
    }

    /// The paths of the folders in a folder.
    private static func folders(in path: String) throws(FileError) -> [String] {
        try FolderListing.names(in: path).map { path + "/" + $0 }.filter { folder in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) && isFolder.boolValue
        }
    }

    /// When a folder last changed, in seconds; 0 for one that is gone.
    private static func change(_ path: String) -> Int {
        var information = stat()
        return stat(path, &information) == 0 ? information.st_mtim.tv_sec : 0
    }
}
