import Foundation
import HTTP

/// Why a call to the server did not do its work, and what that means for the next attempt.
struct CallFailure: Error, CustomStringConvertible {
    enum Kind: Equatable {
        /// It may succeed as it is, a little later.
        case transient
        /// The server was not reached at all.
        case unreachable
        /// The server understood and refused; somebody must change something first.
        case refused
        /// Refused because the server has no such thing.
        case missing
        /// The body was too large.
        case tooLarge
        /// This process gave the call up.
        case cancelled
    }

    let kind: Kind
    /// How long the server asked to be left alone.
    var retryAfter: Duration?
    let description: String

    init(_ kind: Kind, _ description: String, retryAfter: Duration? = nil) {
        self.kind = kind
        self.description = description
        self.retryAfter = retryAfter
    }

    init(_ error: HTTPError) {
        let kind: Kind =
            switch error {
            case .cancelled: .cancelled
            case .unavailable, .couldNotConnect, .timedOut, .tls: .unreachable
            case .replyTooLarge, .broken: .transient
            case .unreadableFile: .refused
            }
        self.init(kind, error.description)
    }

    /// W&B's own retry rules, but that what its client gives up for good is here `refused`.
    static func kind(ofStatus status: Int) -> Kind {
        switch status {
        case 413: .tooLarge
        case 404: .missing
        case 400, 401, 402, 403, 409, 410, 422, 501: .refused
        // A redirect is not followed, so credentials stay where they belong.
        case 300..<400: .refused
        default: .transient
        }
    }

    /// Reads `Retry-After`: seconds, or an HTTP date.
    static func retryAfter(_ value: String?, now: Double) -> Duration? {
        guard let value else { return nil }
        if let seconds = Double(value), seconds.isFinite { return .seconds(min(max(seconds, 0), 3600)) }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format.date(from: value).map { .seconds(min(max($0.timeIntervalSince1970 - now, 0), 3600)) }
    }
}
