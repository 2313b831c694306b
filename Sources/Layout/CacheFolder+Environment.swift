import Glibc

extension CacheFolder {
    /// The variable that names the folder.
    public static let variable = "SPD_CACHE_DIR"

    /// The folder that `SPD_CACHE_DIR` names, or `~/spd_cache`.
    ///
    /// - Throws: ``CacheFolderError/notMeant(value:reason:)`` for a value that no user means as a path, for the folder
    ///   would be made all the same and look empty; ``CacheFolderError/homeless`` if nothing says where to look.
    public init(environment: [String: String]) throws(CacheFolderError) {
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.homeOfUser
        guard let value = environment[Self.variable], !value.isEmpty else {
            guard let home else { throw .homeless }
            self.init(path: home + "/spd_cache")
            return
        }
        if let reason = Self.oddity(of: value, home: home) { throw .notMeant(value: value, reason: reason) }
        self.init(path: value)
    }

    /// Signs that a value has not become the path that its user meant.
    private static func oddity(of value: String, home: String?) -> String? {
        if value.hasPrefix("~") {
            let meant = value == "~" || value.hasPrefix("~/") ? home.map { $0 + value.dropFirst() } : nil
            return "its '~' was not expanded, as in quotes or in a file of variables; write "
                + (meant ?? "the whole path")
        }
        if value.hasPrefix("$") {
            return "its variable was not expanded, as in single quotes or in a file of variables; write the whole path"
        }
        if let mark = value.first, "'\"".contains(mark), value.last == mark {
            return "the quotes are part of it; write the path without them"
        }
        if value.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            return "it holds a control character, such as the end of a line from Windows"
        }
        if value.first == " " || value.last == " " { return "it begins or ends with a space" }
        return nil
    }

    private static var homeOfUser: String? {
        guard let entry = getpwuid(geteuid()), let folder = entry.pointee.pw_dir else { return nil }
        return String(cString: folder)
    }
}

/// Why a cache folder cannot be used.
public enum CacheFolderError: Error, Equatable, Sendable {
    /// The variable's value is no path that anybody means.
    case notMeant(value: String, reason: String)
    /// Neither the variable nor a home folder says where the folder is.
    case homeless
    /// Something else than a folder has its name.
    case notAFolder(path: String)
    /// What is there cannot be examined.
    case unreachable(path: String, reason: String)
}

extension CacheFolderError: CustomStringConvertible {
    /// One readable line: what is wrong, and what to do.
    public var description: String {
        switch self {
        case .notMeant(let value, let reason): "\(CacheFolder.variable) is \(value.debugDescription): \(reason)"
        case .homeless: "there is no home folder: set \(CacheFolder.variable) to the folder for all data"
        case .notAFolder(let path): "\(path) is not a folder: set \(CacheFolder.variable) to one"
        case .unreachable(let path, let reason):
            "cannot look at \(path): \(reason); make it accessible or set \(CacheFolder.variable) to another folder"
        }
    }

    /// Whether what the user gave is wrong, rather than the state of the disk.
    public var isUsersMistake: Bool {
        switch self {
        case .notMeant, .homeless, .notAFolder: true
        case .unreachable: false
        }
    }
}
