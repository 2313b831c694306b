public import Artifacts
import Foundation

/// The checkout that a job was submitted from, as far as the job's `snapshot.json` tells.
public struct JobCheckout: Decodable, Sendable {
    /// Its commit.
    public let commit: String?
    /// Where it came from, without credentials.
    public let remote: String?
}

extension Job {
    /// The checkout that the job was submitted from; nil if its folder records none, as those of older releases.
    ///
    /// - Throws: `FileError` for a record that cannot be read.
    public func checkout() throws(FileError) -> JobCheckout? {
        struct Snapshot: Decodable {
            let git: JobCheckout?
        }
        let path = folder.snapshot
        let bytes: [UInt8]
        do { bytes = try DurableFile.read(path, limit: 1 << 24) } catch {
            if error.cause == .missing { return nil }
            throw error
        }
        do { return try JSONDecoder().decode(Snapshot.self, from: Data(bytes)).git } catch {
            throw FileError(.read, path, reason: "it is not what submit writes", cause: .damage)
        }
    }
}
