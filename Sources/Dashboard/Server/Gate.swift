/// Who may ask what.
///
/// Anybody on the machine can reach a port, and any page in the user's browser can send requests to it. So data need the
/// token that only the printed link has, and nothing is answered to a name that is not this machine's own: a page
/// elsewhere whose name was made to lead here is told apart by `Host`.
package struct Gate: Sendable {
    /// What the link holds after `#token=`.
    package let token: String
    /// What every path begins with, such as `/node/n1/8080`; empty for none.
    package let prefix: [String]
    private let hosts: Set<String>

    /// Names that always lead to this machine.
    private static let ownNames: Set<String> = ["localhost", "127.0.0.1", "[::1]"]

    /// Guards a server.
    ///
    /// - Parameters:
    ///   - token: The secret of the link.
    ///   - prefix: The path in front of every address.
    ///   - hosts: Further names by which a proxy may call this machine.
    package init(token: String = Gate.randomToken(), prefix: String = "", hosts: [String] = []) {
        self.token = token
        self.prefix = prefix.split(separator: "/").map(String.init)
        self.hosts = Self.ownNames.union(hosts.map { $0.lowercased() })
    }

    /// 256 bits of the system's randomness in hexadecimal digits.
    package static func randomToken() -> String {
        var source = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let word = String(source.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }.joined()
    }

    /// Why a request is refused.
    package enum Refusal: Equatable, Sendable {
        /// It calls this machine by a name that is not its own.
        case host(String)
        /// Another page sent it.
        case origin(String)
        /// It has no token, or a wrong one.
        case token
    }

    /// Looks at where a request comes from.
    ///
    /// - Parameters:
    ///   - headers: Its header fields by their names in lower case.
    ///   - needsToken: Whether it asks for data.
    /// - Returns: Why it is refused; nil if it is not.
    package func refusal(of headers: [String: String], needsToken: Bool) -> Refusal? {
        let host = headers["host"] ?? ""
        guard hosts.contains(Self.name(of: host)) else { return .host(host) }
        if let origin = headers["origin"] {
            let place = origin.lowercased().split(separator: "://", maxSplits: 1)
            guard place.count == 2, ["http", "https"].contains(place[0]), place[1] == host.lowercased() else {
                return .origin(origin)
            }
        }
        guard needsToken else { return nil }
        if let site = headers["sec-fetch-site"], site != "same-origin", site != "none" { return .origin(site) }
        return isTheToken(headers["authorization"] ?? "") ? nil : .token
    }

    /// Compares in the same time wherever the first difference is.
    private func isTheToken(_ header: String) -> Bool {
        let (given, wanted) = (Array(header.utf8), Array("Bearer \(token)".utf8))
        var difference = given.count ^ wanted.count
        for index in wanted.indices { difference |= Int(wanted[index] ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }

    /// A host without its port, in lower case; all of it where what follows the name is no port.
    private static func name(of host: String) -> String {
        let host = host.lowercased()
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        guard host.hasPrefix(name) else { return host }
        let port = host.dropFirst(name.count)
        let isPort =
            port.isEmpty || (port.first == ":" && port.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) })
        return isPort ? String(name) : host
    }

    /// A path without the prefix, which a proxy may have taken away already.
    package func withoutPrefix(_ path: [String]) -> [String] {
        !prefix.isEmpty && path.starts(with: prefix) ? Array(path.dropFirst(prefix.count)) : path
    }
}

extension Gate.Refusal {
    var reply: Reply {
        switch self {
        case .host(let host):
            .failure(
                421,
                "this server answers to localhost only, not to '\(host)'; behind a proxy start it with --allow-host")
        case .origin(let origin): .failure(403, "another page may not ask here: '\(origin)'")
        case .token: .failure(401, "the link's token is missing or another server's: open the link that was printed")
        }
    }
}
