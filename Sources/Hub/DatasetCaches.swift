import Foundation

/// Where a data set may lie on this machine.
struct DatasetCaches {
    let settings: HubSettings
    /// Our own cache.
    let cache: String

    /// The folders that hold a data set's files, the likeliest first.
    func folders(of name: HubName) -> [String] {
        let snapshots = [settings.hubCache, cache].compactMap { HubFolder(name, in: $0).snapshot?.folder }
        return snapshots + tables(of: name)
    }

    /// The folders of tables that the `datasets` package has made: `<config>/<version>/<hash>`, `default` and the
    /// newest first.
    private func tables(of name: HubName) -> [String] {
        let root = settings.datasetsCache + "/" + name.datasetsFolder
        let configs = Self.folders(in: root).sorted { ($0 == "default" ? 0 : 1, $0) < ($1 == "default" ? 0 : 1, $1) }
        return configs.flatMap { config in
            let versions = Self.folders(in: root + "/" + config).map { root + "/" + config + "/" + $0 }
            let builds = versions.flatMap { version in Self.folders(in: version).map { version + "/" + $0 } }
            return builds.filter { !$0.hasSuffix(".incomplete") }.sorted { Self.age($0) < Self.age($1) }
        }
    }

    private static func folders(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }

    /// How old a folder is, in seconds.
    private static func age(_ path: String) -> TimeInterval {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return -((attributes?[.modificationDate] as? Date)?.timeIntervalSinceNow ?? -.infinity)
    }
}
