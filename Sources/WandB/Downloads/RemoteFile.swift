import JSON

/// A file of a run, as the server describes it.
public struct RemoteFile: Sendable, Equatable {
    /// Its name; folders are parted by `/`.
    public let name: String
    /// Its size in bytes, if the server gives it.
    public let size: Int?
    /// Its MD5 digest in base64, if the server knows it.
    public let md5: String?
    /// Where to get it, likeliest first.
    let addresses: [String]

    /// Reads a node of a file listing; nil if it has no name or no address.
    init?(reply node: JSONValue?, baseURL: String) {
        guard let node, let name = node["name"]?.string else { return nil }
        addresses = ["url", "directUrl"].compactMap { node[$0]?.string }.filter { !$0.isEmpty }
            .map { $0.hasPrefix("/") ? baseURL + $0 : $0 }
        guard !addresses.isEmpty else { return nil }
        self.name = name
        // A 64-bit number, which some servers write as text.
        size = node["sizeBytes"]?.integer ?? node["sizeBytes"]?.string.flatMap { Int($0) }
        md5 = node["md5"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
}
