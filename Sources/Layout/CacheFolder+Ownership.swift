import Glibc

extension CacheFolder {
    /// Why this user cannot change the state.
    public struct Obstacle: Equatable, Sendable {
        /// The file or folder that cannot be written.
        public let path: String
        /// The system's reason.
        public let reason: String
        /// Whose it is, if it is another user's.
        public let owner: String?
        /// Whether it is one of ``CacheFolder/stateCompanions``, which another user of the state has left.
        public let isCompanion: Bool
    }

    /// Why this user cannot change the existing state; nil if he can.
    public var obstacle: Obstacle? {
        let companions = stateCompanions
        for path in [stateFile, self.path] + companions where access(path, W_OK) != 0 && errno != ENOENT {
            let reason = String(cString: strerror(errno))
            return Obstacle(
                path: path, reason: reason, owner: Self.otherOwner(of: path), isCompanion: companions.contains(path))
        }
        return nil
    }

    /// Whether the state file belongs to another user, who would be kept out by files that this one leaves next to it.
    ///
    /// Whatever the superuser makes is given to the state file's owner.
    public var isOthers: Bool { geteuid() != 0 && Self.otherOwner(of: stateFile) != nil }

    /// Those of the folder's own folders that are links to somewhere else.
    public var foldersElsewhere: [(name: String, place: String)] {
        [jobs, runs, targets.path].compactMap { name in
            Self.resolved(name).flatMap { place in isOwn(name) ? nil : (name, place) }
        }
    }

    /// Whether a file or folder, followed through links, is below this folder.
    ///
    /// Files reached through a link from here are elsewhere on purpose, and may belong to another cache too.
    public func isOwn(_ path: String) -> Bool {
        guard let home = Self.resolved(self.path), let place = Self.resolved(path) else { return true }
        return place.hasPrefix(home + "/")
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func otherOwner(of path: String) -> String? {
        var info = stat()
        guard stat(path, &info) == 0, info.st_uid != geteuid() else { return nil }
        guard let entry = getpwuid(info.st_uid), let name = entry.pointee.pw_name else { return "user \(info.st_uid)" }
        return String(cString: name)
    }
}
