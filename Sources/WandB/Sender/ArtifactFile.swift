import Artifacts
import Foundation
import JSON

/// The one file of an artifact's version, and what the server needs to know about it.
struct ArtifactFile: Equatable {
    static let manifestName = "wandb_manifest.json"

    /// Its name in the artifact.
    let name: String
    /// Where it is.
    let path: String
    /// Bytes.
    let size: Int
    /// Its MD5 in base64.
    let digest: String

    /// Reads the file for its digest; nil if it is gone or can't be read, so nobody can send it.
    init?(name: String, path: String) {
        guard let content = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe) else {
            return nil
        }
        self.name = name
        self.path = path
        size = content.count
        digest = Self.base64MD5(Array(content))
    }

    /// The digest of the version: of the names and digests of its files.
    var versionDigest: String {
        MD5.digest(Array("wandb-artifact-manifest-v1\n\(name):\(digest)\n".utf8))
            .map { String(format: "%02x", $0) }.joined()
    }

    /// The manifest of the version with the server's id `artifact`.
    func manifest(artifact: String) -> [UInt8] {
        let entry = JSONValue.object([
            .init("digest", .string(digest)), .init("size", .number(size)), .init("birthArtifactID", .string(artifact)),
            .init("skip_cache", .bool(false)),
        ])
        let manifest = JSONValue.object([
            .init("version", .number(1)), .init("storagePolicy", .string("wandb-storage-policy-v1")),
            .init("storagePolicyConfig", .object([.init("storageLayout", .string("V2"))])),
            .init("contents", .object([.init(name, entry)])),
        ])
        return Array(manifest.text.utf8)
    }

    /// The MD5 of `bytes`, as servers write it.
    static func base64MD5(_ bytes: [UInt8]) -> String { Data(MD5.digest(bytes)).base64EncodedString() }
}
