import Foundation
import HTTP
import JSON

/// Looks at a user's W&B settings the way a run will: are they valid, does the server answer and know the key, may
/// the key log to the entity.
public struct WandBCheck: Sendable {
    /// One thing that was looked at.
    public struct Remark: Sendable, Equatable {
        /// What a finding means for runs.
        public enum Severity: String, Sendable {
            /// As it should be.
            case good
            /// Runs stay offline, by choice or for want of a key.
            case note
            /// Runs would not reach W&B, or not where they are meant to go.
            case problem
        }

        /// What it means.
        public let severity: Severity
        /// What was checked: `settings`, `server`, `key` or `entity`.
        public let subject: String
        /// What was found, one line; never with a key in it.
        public let message: String
        /// What to do about it, one line.
        public let advice: String?

        init(_ severity: Severity, _ subject: String, _ message: String, advice: String? = nil) {
            self.severity = severity
            self.subject = subject
            self.message = message
            self.advice = advice
        }
    }

    private let settings: WandBSettings
    private let timeout: Duration

    /// Looks at everything, with at most one request.
    ///
    /// - Parameters:
    ///   - environment: the process's environment.
    ///   - workingDirectory: where `.env` may lie.
    ///   - homeDirectory: where `.netrc` or `_netrc` may lie.
    ///   - timeout: how long the server may take.
    /// - Returns: what was found, in the order it was looked at; nothing after the first problem that hides the rest.
    public static func remarks(
        environment: [String: String], workingDirectory: String, homeDirectory: String?,
        timeout: Duration = .seconds(10)
    ) -> [Remark] {
        do {
            let settings = try WandBSettings.read(
                environment: environment, workingDirectory: workingDirectory, homeDirectory: homeDirectory)
            let notices = settings.notices.map { Remark(.note, "settings", $0) }
            return notices + WandBCheck(settings: settings, timeout: timeout).remarks()
        } catch {
            return [settingsProblem(error)]
        }
    }

    private static func settingsProblem(_ error: WandBSettingsError) -> Remark {
        switch error {
        case .badAPIKey(let reason): return badKey(reason, in: "WANDB_API_KEY")
        case .inFile(let path, _, .badAPIKey(let reason)): return badKey(reason, in: path)
        case .badBaseURL, .inFile(_, _, .badBaseURL): return Remark(.problem, "server", "\(error)")
        default: return Remark(.problem, "settings", "\(error)")
        }
    }

    private static func badKey(_ reason: String, in place: String) -> Remark {
        Remark(
            .problem, "key", "the API key in \(place) is not valid: \(reason)",
            advice: "copy it again, whole, from the user settings of your W&B server")
    }

    private func remarks() -> [Remark] {
        switch settings.mode {
        case .offline:
            return [
                Remark(
                    .note, "settings", "\(settings.offlineReason ?? ""): runs stay in their folders",
                    advice: "unset it to follow them live")
            ]
        case .disabled:
            return [Remark(.note, "settings", "\(settings.offlineReason ?? ""): nothing is kept for W&B")]
        case .online: break
        }
        guard let key = settings.apiKey else { return [noKey] }
        let place = settings.keyPlace ?? "the settings"
        switch viewer(key) {
        case .failure(let finding): return [finding]
        case .success(let (reply, took)):
            let server = Remark(.good, "server", "\(settings.baseURL) answers in \(took.milliseconds) ms")
            guard let account = Account(reply: reply) else { return [server, unknownKey(place)] }
            let user = account.username ?? account.defaultEntity ?? "a user without a name"
            return [server, Remark(.good, "key", "the key in \(place) is \(user)'s"), entity(of: account)]
        }
    }

    private var machines: [String] { (try? BaseURL(settings.baseURL))?.netrcMachines ?? [] }

    private var noKey: Remark {
        let others = settings.netrcMachines.filter { !machines.contains($0) }
        let elsewhere = others.isEmpty ? "" : "; netrc has keys for \(others.joined(separator: ", ")) only"
        let isKnownServer = others.contains { $0.contains("wandb") }
        return Remark(
            .note, "key", "there is no API key for \(settings.baseURL)\(elsewhere): runs stay in their folders",
            advice: isKnownServer
                ? "set WANDB_BASE_URL to the server whose key you have, or WANDB_API_KEY"
                : "set WANDB_API_KEY in the environment or in .env, or add the machine to ~/.netrc")
    }

    private func unknownKey(_ place: String) -> Remark {
        Remark(
            .problem, "key", "\(settings.baseURL) does not know the key in \(place)",
            advice: "take a key from this server's user settings, or set WANDB_BASE_URL to the server the key is from")
    }

    private func entity(of account: Account) -> Remark {
        let known = account.entities
        guard let wanted = settings.entity else {
            guard let entity = account.defaultEntity else {
                return Remark(
                    .problem, "entity", "the account has no default entity",
                    advice: "set WANDB_ENTITY to one of \(known.joined(separator: ", "))")
            }
            let teams = account.teams.filter { $0 != entity }
            let rest = teams.isEmpty ? "" : " (WANDB_ENTITY may also name \(teams.joined(separator: ", ")))"
            return Remark(.good, "entity", "runs go to \(entity), the account's default\(rest)")
        }
        guard known.contains(wanted) else {
            let nearest = known.first { $0.lowercased() == wanted.lowercased() }
            return Remark(
                .problem, "entity", "WANDB_ENTITY '\(wanted)' is none of the account's entities",
                advice: nearest.map { "did you mean '\($0)'?" }
                    ?? "set it to one of \(known.joined(separator: ", ")), or ask to be added to that team")
        }
        return Remark(.good, "entity", "runs go to \(wanted)")
    }
}

extension WandBCheck {
    private enum Answer {
        case success((JSONValue, Duration))
        case failure(Remark)
    }

    /// Asks the server whose the key is.
    private func viewer(_ key: APIKey) -> Answer {
        let document = GraphQLDocument.viewer
        let body = JSONValue.object([
            .init("query", .string(document.text)), .init("variables", .object([])),
            .init("operationName", .string(document.operationName)),
        ])
        var request = HTTPRequest(
            method: "POST", url: settings.baseURL + "/graphql",
            headers: [
                ("Authorization", key.authorization), ("Content-Type", "application/json"),
                ("X-WANDB-USERNAME", settings.username), ("X-WANDB-USER-EMAIL", settings.userEmail),
            ],
            body: .bytes(Array(body.text.utf8)))
        request.connectTimeout = timeout
        request.timeout = timeout
        let start = ContinuousClock.now
        do {
            let response = try settings.makeClient().send(request)
            return answer(response, after: ContinuousClock.now - start, key)
        } catch {
            return .failure(unreachable(error))
        }
    }

    private func answer(_ response: HTTPResponse, after took: Duration, _ key: APIKey) -> Answer {
        let place = settings.keyPlace ?? "the settings"
        switch response.status {
        case 401, 403: return .failure(unknownKey(place))
        case 429, 500...:
            return .failure(
                Remark(
                    .problem, "server", "\(settings.baseURL) answers \(response.status)",
                    advice: "it is in trouble or overloaded; runs keep their rows and send them later"))
        default: break
        }
        guard response.isSuccess, let reply = try? JSONValue(parsing: response.body),
            let data = reply["data"], data["viewer"] != nil
        else {
            let text = (try? JSONValue(parsing: response.body))?["errors"]?.elements?.first?["message"]?.string
            let words = text.map { " (\(key.redacted(from: String($0.prefix(120)))))" } ?? ""
            return .failure(
                Remark(
                    .problem, "server",
                    "\(settings.baseURL) answers \(response.status)\(words), unlike a W&B server",
                    advice: hostAdvice))
        }
        return .success((data, took))
    }

    private func unreachable(_ error: HTTPError) -> Remark {
        let advice: String
        switch error {
        case .unavailable: advice = "install libcurl (Debian: libcurl4); without it runs stay in their folders"
        case .couldNotConnect: advice = hostAdvice
        case .timedOut: advice = "is there a proxy or a firewall? libcurl reads https_proxy"
        case .tls:
            advice =
                "check the clock and the package ca-certificates, name your own authority's certificate in SSL_CERT_FILE; "
                + "a server without TLS wants http:// in WANDB_BASE_URL"
        default: advice = hostAdvice
        }
        return Remark(.problem, "server", "\(error)", advice: advice)
    }

    /// What may be wrong with the address, as far as can be known.
    private var hostAdvice: String {
        let host = URLComponents(string: settings.baseURL)?.host ?? ""
        if ["wandb.ai", "www.wandb.ai", "app.wandb.ai"].contains(host) {
            return "WANDB_BASE_URL takes the API's address: https://api.wandb.ai"
        }
        if host == "forge.coreweave.com" {
            return "WANDB_BASE_URL takes the API's address: \(WandBSettings.defaultBaseURL)"
        }
        return settings.baseURL == WandBSettings.defaultBaseURL
            ? "is this machine on the internet? Rows stay in the runs' folders until they can be sent"
            : "check WANDB_BASE_URL (W&B's own servers: https://api.wandb.ai, \(WandBSettings.defaultBaseURL))"
    }
}
