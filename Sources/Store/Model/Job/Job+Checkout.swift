import Foundation

/// The checkout that a job was submitted from, as far as the job's `snapshot.json` tells.
public struct JobCheckout: Decodable, Sendable {
    /// Its commit.
    public let commit: String?
    /// Where it came from, without credentials.
    public let remote: String?
}

extension Job {
    /// The checkout that the job was submitted from, if its folder records it.
    public var checkout: JobCheckout? {
        struct Snapshot: Decodable {
            let git: JobCheckout?
        }
        // Jobs of older releases have no snapshot; nothing depends on it.
        guard let bytes = try? Data(contentsOf: URL(filePath: folder.snapshot)) else { return nil }
        return (try? JSONDecoder().decode(Snapshot.self, from: bytes))?.git
    }
}
