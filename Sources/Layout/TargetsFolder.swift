import Foundation

/// The folder of trained targets and of copies of users' targets, and the names of what it holds.
public struct TargetsFolder: Hashable, Sendable {
    /// Where the folder is.
    public let path: String

    /// Names a folder without touching it.
    public init(path: String) {
        self.path = path
    }

    /// The target that a training config makes.
    ///
    /// - Parameters:
    ///   - kind: `tms` or `resid_mlp`.
    ///   - digest: The SHA-256 of the config.
    /// - Returns: The target's folder.
    public func target(kind: String, digest: String) -> String { "\(path)/\(kind)-\(digest.prefix(16))" }

    /// The copy of a user's target, by the SHA-256 of its files.
    public func copy(digest: String) -> String { "\(path)/\(Self.copy)\(digest.prefix(16))" }

    /// The copy of a text that targets learn, by the SHA-256 of its content and its name's endings.
    public func text(digest: String, endings: String) -> String { "\(path)/text-\(digest.prefix(16))\(endings)" }

    /// The places of a language model and its text, by the SHA-256 of the file's content.
    public func sources(digest: String) -> String { "\(path)/lm-sources-\(digest.prefix(16)).json" }

    /// The cache that the folder belongs to.
    public var cache: CacheFolder {
        CacheFolder(path: String(path.dropLast(path.hasSuffix("/" + Self.name) ? Self.name.utf8.count + 1 : 0)))
    }

    /// The file of a trained target that is written last: how its training went.
    public static func record(of target: String) -> String { target + "/metadata.json" }

    /// Where a copy goes that is no longer what its name says.
    public static func damaged(_ copy: String) -> String { "\(copy)\(damagedMark)\(UUID().uuidString)" }

    /// Whether a folder of this name is such a copy.
    static func isDamaged(_ name: String) -> Bool { name.contains(damagedMark) }

    private static let damagedMark = ".damaged-"

    /// The copy, or the file in one, that an absolute path of some cache refers to, relative to its targets.
    static func copy(in absolute: String) -> String? {
        let parts = absolute.split(separator: "/")
        guard let index = parts.lastIndex(where: { $0.hasPrefix(copy) }), index > 0, parts[index - 1] == name else {
            return nil
        }
        return parts[index...].joined(separator: "/")
    }

    static let name = "targets"
    private static let copy = "copy-"
}
