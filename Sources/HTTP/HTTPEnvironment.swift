import Artifacts
import Foundation

/// How servers are reached from where a program runs: the authorities whose certificates count, and the proxies.
///
/// The variables are those that W&B's client and most others act on: `SSL_CERT_FILE`, `SSL_CERT_DIR`,
/// `REQUESTS_CA_BUNDLE`, `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`.
public struct HTTPEnvironment: Sendable, Equatable {
    /// Certificates of authorities besides the system's, in PEM; nil leaves the choice to libcurl.
    public private(set) var authorities: [UInt8]?
    /// The file and the folder they come from, for a libcurl that takes no certificates from memory.
    private(set) var authorityFile: String?
    private(set) var authorityFolder: String?
    /// Whether servers' certificates are checked at all.
    public var checksCertificates = true
    /// The proxy for each scheme; libcurl's own choice if there is none.
    public private(set) var proxies: [String: String] = [:]
    /// Hosts that are reached without one.
    public private(set) var noProxy: String?
    /// Certificates that could not be read, one line each, for the user.
    public private(set) var notices: [String] = []

    /// What the process's own environment says.
    public static let process = HTTPEnvironment(ProcessInfo.processInfo.environment)

    /// Where systems keep the certificates of the authorities they trust.
    private static let systemFiles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ]

    /// Takes what variables say.
    ///
    /// - Parameters:
    ///   - variables: names and values; an empty one counts as none.
    ///   - prefix: goes before the names of proxies that count first, such as `WANDB_`.
    public init(_ variables: [String: String], prefix: String = "") {
        let value = { (name: String) in variables[name].flatMap { $0.isEmpty ? nil : $0 } }
        for scheme in ["http", "https"] {
            let upper = scheme.uppercased() + "_PROXY"
            // A web server's scripts get a client's "Proxy" header in this variable.
            let isForged = scheme == "http" && value("REQUEST_METHOD") != nil
            proxies[scheme] =
                (prefix.isEmpty ? nil : value(prefix + upper)) ?? value(scheme + "_proxy")
                ?? (isForged ? nil : value(upper))
        }
        noProxy = value("no_proxy") ?? value("NO_PROXY")
        for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] {
            if let path = value(name) { takeAuthorities(path, named: name) }
        }
        for folder in (value("SSL_CERT_DIR") ?? "").split(separator: ":") {
            takeAuthorities(String(folder), named: "SSL_CERT_DIR")
        }
        guard authorities != nil else { return }
        let system = Self.systemFiles.lazy.compactMap { FileManager.default.contents(atPath: $0) }.first
        authorities = (authorities ?? []) + [UInt8(ascii: "\n")] + (system ?? Data())
    }

    private mutating func takeAuthorities(_ path: String, named name: String) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            notices.append("\(name) is ignored: there is no \(path)")
            return
        }
        let begin = Data("-----BEGIN ".utf8)
        var texts: [[UInt8]] = []
        do throws(FileError) {
            let files = isFolder.boolValue ? try FolderListing.names(in: path).sorted().map { path + "/" + $0 } : [path]
            for file in files where try FolderListing.holds(file) && !Self.isFolder(file) {
                do throws(FileError) {
                    let bytes = try DurableFile.read(file, limit: 64 << 20)
                    if Data(bytes).range(of: begin) != nil { texts.append(bytes) }
                } catch {
                    // The others in a folder may suffice.
                    notices.append("a certificate in \(name) is ignored: \(error)")
                }
            }
        } catch {
            notices.append("\(name) is ignored: \(error)")
            return
        }
        guard !texts.isEmpty else {
            notices.append("\(name) is ignored: \(path) holds no certificate in PEM that can be read")
            return
        }
        if isFolder.boolValue { authorityFolder = path } else { authorityFile = path }
        authorities = texts.reduce(authorities ?? []) { $0 + $1 + [UInt8(ascii: "\n")] }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
