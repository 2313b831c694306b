import JSON

/// Whom an API key belongs to.
public struct Account: Sendable, Equatable {
    /// The user's name.
    public let username: String?
    /// The entity that projects belong to unless another is named.
    public let defaultEntity: String?
    /// The teams the user is in.
    public let teams: [String]

    /// The entities the user can log to.
    public var entities: [String] {
        var known: [String] = []
        for name in [defaultEntity, username].compactMap(\.self) + teams where !known.contains(name) {
            known.append(name)
        }
        return known
    }

    /// Reads a Viewer reply; nil if the server does not know the key.
    init?(reply data: JSONValue) {
        guard let viewer = data["viewer"], case .object = viewer else { return nil }
        username = Self.name(viewer["username"])
        defaultEntity = Self.name(viewer["entity"])
        teams = (viewer["teams"]?["edges"]?.elements ?? []).compactMap { Self.name($0["node"]?["name"]) }
    }

    private static func name(_ value: JSONValue?) -> String? {
        value?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
}
