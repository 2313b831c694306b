/// Why a run's files cannot be had.
public enum RunFilesError: Error, Equatable {
    /// There is no key to ask with.
    case noKey(String)
    /// The server has no such project, or does not show it to the key's user; projects of the entity that it shows.
    case unknownProject(project: String, entity: String, known: [String])
    /// The project has no such run; the latest that it has.
    case unknownRun(id: String, project: String, entity: String, latest: [String])
    /// The server could not be asked, or refused.
    case failed(String)
    /// The download is not the file that the server described.
    case damaged(file: String, reason: String)
    /// The caller gave up.
    case interrupted
}

extension RunFilesError: CustomStringConvertible {
    /// One line: what is missing and what to do.
    public var description: String {
        switch self {
        case .noKey(let reason): "\(reason), which downloading needs"
        case .unknownProject(let project, let entity, let known):
            "\(entity) has no project '\(project)' that this key may see"
                + (known.isEmpty ? "; is the entity right?" : "; it has \(Self.list(known))")
        case .unknownRun(let id, let project, let entity, let latest):
            "\(entity)/\(project) has no run '\(id)'"
                + (latest.isEmpty ? ", nor any other" : "; its latest are \(Self.list(latest))")
        case .failed(let reason): reason
        case .damaged(let file, let reason): "\(file) did not arrive as it is on the server: \(reason)"
        case .interrupted: "interrupted"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }
}
