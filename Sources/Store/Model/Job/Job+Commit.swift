import Foundation

extension Job {
    /// The git commit that the job was submitted from, if its folder records it.
    public var commit: String? {
        struct Snapshot: Decodable {
            struct Checkout: Decodable {
                let commit: String?
            }
            let git: Checkout?
        }
        // Jobs of older releases have no snapshot; nothing depends on it.
        guard let bytes = try? Data(contentsOf: URL(filePath: folder.snapshot)) else { return nil }
        return (try? JSONDecoder().decode(Snapshot.self, from: bytes))?.git?.commit
    }
}
