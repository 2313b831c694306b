/// The addresses that a server prints; what follows `#` never leaves the browser.
package struct PageLink: Sendable {
    private let gate: Gate
    private let port: UInt16?
    private let start: String

    /// Names a server's page.
    ///
    /// - Parameters:
    ///   - gate: Who guards it, with its token and its prefix.
    ///   - port: The port of 127.0.0.1.
    ///   - start: The view that it begins with, such as `/job/7`; empty for the list of jobs.
    package init(gate: Gate, port: UInt16?, start: String) {
        (self.gate, self.port, self.start) = (gate, port, start)
    }

    /// The link for a browser on this machine, or at the near end of an `ssh -L`.
    package var text: String { "http://127.0.0.1\(port.map { ":\($0)" } ?? "")\(rest)" }

    /// The link for users who come through a proxy.
    ///
    /// - Parameter host: The name by which the proxy is called, if that is known.
    /// - Returns: The link; nil if there is no prefix.
    package func throughProxy(_ host: String?) -> String? {
        gate.prefix.isEmpty ? nil : "https://\(host ?? Self.unknownHost)\(rest)"
    }

    /// Stands for the name of a proxy that was not given.
    package static let unknownHost = "PROXY"

    private var rest: String {
        let path = gate.prefix.isEmpty ? "" : "/" + gate.prefix.joined(separator: "/")
        return "\(path)/#\(start.isEmpty ? "/" : start)?token=\(gate.token)"
    }
}
