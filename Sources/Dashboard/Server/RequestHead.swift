/// What stands before a request's body, read strictly: whatever could mean two things is refused.
struct RequestHead: Equatable {
    let method: String
    let target: String
    /// Header fields by their names in lower case.
    let headers: [String: String]
    /// Whether another request may follow on the same connection.
    let isKept: Bool

    /// No request of a browser, with the cookies of a proxy, has more.
    static let most = 64 << 10

    /// How many bytes follow; nil where that is not told as a plain number.
    var length: Int? {
        guard let text = headers["content-length"] else { return 0 }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text) ?? Int.max
    }

    /// Takes a head apart; nil for what is no request of HTTP/1.0 or HTTP/1.1, or has a field twice that may stand once only.
    ///
    /// - Parameter bytes: All of it, to the empty line that ends it.
    init?(_ bytes: some Sequence<UInt8>) {
        let lines = String(decoding: Array(bytes), as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0", !words[0].isEmpty,
            words[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.utf8.firstIndex(of: 0x3A), colon != line.startIndex,
                line[..<colon].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !line.utf8.contains(0)
            else { return nil }
            let name = line[..<colon].lowercased()
            let value = Self.trimmed(line[line.utf8.index(after: colon)...])
            guard headers[name] == nil || !Self.single.contains(name) else { return nil }
            headers[name] = value
        }
        method = String(words[0])
        target = String(words[1])
        self.headers = headers
        let connection = headers["connection"]?.lowercased() ?? ""
        isKept = words[2] == "HTTP/1.1" && !connection.contains("close")
    }

    private static let single: Set<String> = [
        "host", "origin", "authorization", "content-length", "transfer-encoding", "sec-fetch-site",
    ]

    private static func trimmed(_ text: Substring) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed()))
    }
}
