import Foundation

/// A W&B server's address, and what follows from it.
struct BaseURL: Sendable, Equatable {
    /// The address without a slash at its end.
    let text: String
    /// Host and, where given, port: a netrc machine.
    let authority: String

    /// The host that serves W&B's own cloud, and the older host behind it.
    private static let forge = (host: "forge.coreweave.com", upstream: "api.wandb.ai")

    /// Takes an address that has a host and neither credentials nor a query; `setting` is its name for errors.
    init(_ given: String, setting: String = "WANDB_BASE_URL") throws(WandBSettingsError) {
        var text = Self.withoutTrailingSlashes(given)
        // The page's own proxy of the API, which W&B's client does not use either.
        if text == "https://\(Self.forge.host)/api/wandb" { text = "https://api.\(Self.forge.host)" }
        guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty,
            parts.scheme == "https" || parts.scheme == "http",
            parts.query == nil, parts.fragment == nil
        else { throw .badBaseURL(text, setting: setting) }
        // A password in the address would reach logs.
        guard parts.user == nil, parts.password == nil else {
            throw .badBaseURL("\(parts.scheme ?? "")://…@\(host)", setting: setting)
        }
        self.text = text
        authority = parts.port.map { "\(host):\($0)" } ?? host
    }

    /// Whether two addresses lead to the same server.
    static func isSameOrigin(_ one: String, _ other: String) -> Bool {
        guard let one = URLComponents(string: one), let other = URLComponents(string: other) else { return false }
        return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)
    }

    static func withoutTrailingSlashes(_ text: String) -> String {
        var text = text[...]
        while text.last == "/" { text.removeLast() }
        return String(text)
    }

    /// Where the web pages of this server are.
    var appURL: String {
        if text == WandBSettings.defaultBaseURL { return "https://forge.coreweave.com/wandb" }
        if let api = text.range(of: "://api.wandb.") {
            return text.replacingCharacters(in: api, with: "://wandb.")
        }
        if let api = text.range(of: "://api.") { return text.replacingCharacters(in: api, with: "://app.") }
        return text
    }

    /// The machines whose netrc entry holds this server's key: the default server's older name counts too.
    var netrcMachines: [String] {
        authority == "api.\(Self.forge.host)" ? [authority, Self.forge.upstream] : [authority]
    }

    /// Whether an address is one of this server's own, which alone may see its key.
    func covers(_ address: String) -> Bool {
        guard let own = URLComponents(string: text), let other = URLComponents(string: address),
            other.scheme?.lowercased() == own.scheme?.lowercased(),
            other.host?.lowercased() == own.host?.lowercased(), Self.port(other) == Self.port(own),
            other.user == nil, other.password == nil
        else { return false }
        return own.path.isEmpty || other.path == own.path || other.path.hasPrefix(own.path + "/")
    }

    private static func port(_ parts: URLComponents) -> Int {
        parts.port ?? (parts.scheme?.lowercased() == "https" ? 443 : 80)
    }

    /// The address of a path whose parts are percent-encoded here.
    func url(_ parts: String...) -> String { Self.join(text, parts) }

    static func join(_ base: String, _ parts: [String]) -> String {
        parts.reduce(base) { $0 + "/" + encoded($1) }
    }

    /// Everything but RFC 3986's unreserved characters as percent and two hexadecimal digits.
    private static func encoded(_ part: String) -> String {
        var out = ""
        for byte in part.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                out += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return out
    }
}
