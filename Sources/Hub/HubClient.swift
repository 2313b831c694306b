import Foundation
import HTTP
import JSON

/// Asks the hub, following its redirects; the token goes to the hub's own address only.
final class HubClient {
    private let settings: HubSettings
    private let http: HTTPClient
    private let isCancelled: () -> Bool
    private let say: (String) -> Void
    /// How often to retry a request after a temporary failure.
    private let attempts = 6
    /// The same for one that does not answer at all, each time for `settings.patience`.
    private let silences = 3
    /// A download that has come further since it last broke has all its attempts again, within reason.
    private let mostAttempts = 60
    /// How many seconds of waiting are borne.
    private let longestWait = 300.0

    init(_ settings: HubSettings, say: @escaping (String) -> Void, isCancelled: @escaping () -> Bool) throws(HubError) {
        self.settings = settings
        self.say = say
        self.isCancelled = isCancelled
        do {
            http = try HTTPClient(userAgent: "spd")
        } catch {
            throw HubError(.unreachable, "the hub cannot be reached: \(error)")
        }
        // What needs no token can be had anyway.
        if let problem = settings.tokenProblem { say(problem) }
    }

    /// The JSON at a path of the hub.
    func json(_ path: String, about what: String) throws(HubError) -> JSONValue {
        let reply = try send(path, about: what, headers: [], receive: nil)
        do {
            return try JSONValue(parsing: reply.response.body)
        } catch {
            throw HubError(.unreachable, "\(what): the hub's answer is no JSON: \(error)")
        }
    }

    /// A reply and what the hub itself said before it sent the request elsewhere.
    struct Reply {
        var response: HTTPResponse
        var hubHeaders: [(name: String, value: String)]
        /// The host that the hub sent the request to; nil if the hub itself replied.
        var store: String?

        /// A header that the hub itself gave.
        func hubHeader(_ name: String) -> String? {
            hubHeaders.last { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    /// Gets a path, or an address, with redirects followed and passing failures tried again.
    ///
    /// - Parameters:
    ///   - path: the path below the hub's address, or a whole address.
    ///   - what: what messages call it.
    ///   - headers: asked before each attempt, since what is wanted may have grown less.
    ///   - receive: takes the body of a 2xx reply as it comes; nil keeps it in memory.
    /// - Returns: the last reply, whose status is 2xx.
    /// - Throws: `HubError` with what the hub refused, or that it could not be reached.
    func send(
        _ path: String, about what: String, headers: @autoclosure () -> [(name: String, value: String)],
        receive: ((Reply, UnsafeRawBufferPointer) -> Bool)?
    ) throws(HubError) -> Reply {
        var (failures, all, came) = (0, 0, 0)
        let counting = receive.map { receive in
            { (reply: Reply, bytes: UnsafeRawBufferPointer) -> Bool in
                came += bytes.count
                return receive(reply, bytes)
            }
        }
        while true {
            let outcome: Result<Reply, HTTPError>
            do {
                came = 0
                outcome = .success(try follow(path, headers: headers(), receive: counting))
            } catch {
                outcome = .failure(error)
            }
            var wait = min(0.5 * Double(1 << failures), 30)
            let reason: String
            var limit = attempts
            switch outcome {
            case .success(let reply):
                let status = reply.response.status
                // If the store refuses an address that the hub has just signed, this says nothing about the user's
                // rights.
                let isStoresRefusal = receive != nil && reply.store != nil && status >= 400 && status != 416
                guard status == 429 || status >= 500 || isStoresRefusal else { return try checked(reply, about: what) }
                let asked = reply.response.header("Retry-After").flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil }
                if let asked { wait = min(max(asked, 0), 1e9) }
                let request = wait > longestWait ? " and wants to be asked again in \(Int(wait)) s" : ""
                reason =
                    "\(reply.store.map { "\($0), where the hub keeps it," } ?? "the hub") answered \(status)\(request)"
            case .failure(.cancelled): throw HubError(.cancelled, "\(what): the download was given up")
            case .failure(.unavailable(let reason)): throw HubError(.unreachable, "\(what): \(reason)")
            case .failure(let error):
                reason = "\(error)"
                // A machine that cannot reach the hub still cannot in half a minute.
                if case .couldNotConnect = error { limit = 3 }
                if case .timedOut = error { limit = silences }
            }
            if came > 1 << 20 { failures = 0 }
            (failures, all) = (failures + 1, all + 1)
            guard failures < limit, all < mostAttempts, wait <= longestWait else {
                let times = failures == 1 ? "" : ", \(failures) times"
                throw HubError(
                    .unreachable, "\(what): \(reason)\(times); try again later, or from another machine")
            }
            if wait >= 2 || limit == silences { say("\(reason); trying again in \(Int(wait.rounded(.up))) s") }
            try sleep(wait, about: what)
        }
    }

    private func sleep(_ seconds: Double, about what: String) throws(HubError) {
        let end = ContinuousClock.now + .seconds(seconds)
        while .now < end {
            if isCancelled() { throw HubError(.cancelled, "\(what): the download was given up") }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    /// One request, and those that its redirects ask for.
    private func follow(
        _ path: String, headers: [(name: String, value: String)],
        receive: ((Reply, UnsafeRawBufferPointer) -> Bool)?
    ) throws(HTTPError) -> Reply {
        var url = path.hasPrefix("/") ? settings.endpoint + path : path
        var reply = Reply(response: HTTPResponse(status: 0, headers: [], body: []), hubHeaders: [])
        for _ in 0..<8 {
            var request = HTTPRequest(method: "GET", url: url, headers: headers)
            request.timeout = nil
            request.stallTimeout = settings.patience
            if isHub(url), let token = settings.token {
                request.headers.append(("Authorization", "Bearer " + token))
            }
            let hubHeaders = reply.hubHeaders
            let asksHub = isHub(url)
            if let receive {
                reply.response = try http.send(
                    request,
                    receive: { head, bytes in
                        receive(Reply(response: head, hubHeaders: hubHeaders + (asksHub ? head.headers : [])), bytes)
                    }, isCancelled: isCancelled)
            } else {
                reply.response = try http.send(request, isCancelled: isCancelled)
            }
            if asksHub { reply.hubHeaders += reply.response.headers }
            reply.store = asksHub ? nil : URLComponents(string: url)?.host ?? "the store"
            guard (300..<400).contains(reply.response.status), let location = reply.response.header("Location"),
                let next = URL(string: location, relativeTo: URL(string: url))?.absoluteString
            else { return reply }
            url = next
        }
        throw .broken(host: URLComponents(string: url)?.host ?? "the hub", reason: "too many redirects")
    }

    /// Whether an address is the hub's own: the same scheme, host and port.
    private func isHub(_ url: String) -> Bool {
        guard let one = URLComponents(string: url), let hub = URLComponents(string: settings.endpoint) else {
            return false
        }
        return one.scheme?.lowercased() == hub.scheme?.lowercased()
            && one.host?.lowercased() == hub.host?.lowercased() && one.port == hub.port
    }

    private func checked(_ reply: Reply, about what: String) throws(HubError) -> Reply {
        switch reply.response.status {
        case 200..<300: return reply
        case 401, 403:
            let code = reply.hubHeader("X-Error-Code") ?? ""
            let way =
                settings.tokenProblem
                ?? (settings.token == nil
                    ? "put a token of \(settings.endpoint)/settings/tokens into HF_TOKEN"
                    : "the token from \(settings.tokenSource ?? "HF_TOKEN") does not give access")
            if code == "GatedRepo" {
                throw HubError(
                    .refused, "\(what) is gated: accept its terms on its page \(settings.endpoint), and \(way)")
            }
            throw HubError(
                .refused, "\(what) is private or gated, or does not exist (\(reply.response.status)); \(way)")
        case 404: throw HubError(.unusable, "\(what) does not exist on \(settings.endpoint)")
        case let status: throw HubError(.unreachable, "\(what): the hub answered \(status)")
        }
    }
}
