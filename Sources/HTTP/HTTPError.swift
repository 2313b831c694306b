/// Why a request got no reply.
public enum HTTPError: Error, Equatable {
    /// libcurl cannot be used on this machine.
    case unavailable(String)
    /// The host was not found or took no connection.
    case couldNotConnect(host: String, reason: String)
    /// The reply did not come in time.
    case timedOut(host: String)
    /// The server's certificate or the encryption was refused.
    case tls(host: String, reason: String)
    /// The reply was larger than the request allowed.
    case replyTooLarge(host: String, limit: Int)
    /// The caller gave up on it.
    case cancelled
    /// The file to send could not be read.
    case unreadableFile(path: String, reason: String)
    /// Anything else, such as a connection that broke.
    case broken(host: String, reason: String)
}

extension HTTPError: CustomStringConvertible {
    /// One line: what happened and to which host.
    public var description: String {
        switch self {
        case .unavailable(let reason): reason
        case .couldNotConnect(let host, let reason): "cannot connect to \(host): \(reason)"
        case .timedOut(let host): "\(host) did not answer in time"
        case .tls(let host, let reason): "no safe connection to \(host): \(reason)"
        case .replyTooLarge(let host, let limit): "\(host) answered with more than \(limit) bytes"
        case .cancelled: "the request was given up"
        case .unreadableFile(let path, let reason): "cannot read \(path): \(reason)"
        case .broken(let host, let reason): "the connection to \(host) broke: \(reason)"
        }
    }
}
