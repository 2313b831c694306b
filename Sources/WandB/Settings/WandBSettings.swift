import Foundation
public import HTTP

/// What a user set for W&B in the environment, in a `.env` file and in netrc.
public struct WandBSettings: Sendable, Equatable {
    /// Whether and where runs are tracked.
    public enum Mode: String, Sendable {
        /// Rows go to the run's folder and from there to the server.
        case online
        /// Rows go to the run's folder only.
        case offline
        /// Nothing is kept.
        case disabled
    }

    /// `WANDB_MODE`; online unless set.
    public var mode: Mode = .online
    /// `WANDB_BASE_URL` without a slash at its end.
    public var baseURL = WandBSettings.defaultBaseURL
    /// `WANDB_APP_URL`, or the address of the web pages that belong to the base URL.
    public var appURL = "https://forge.coreweave.com/wandb"
    /// `WANDB_API_KEY`, or netrc's password for the base URL's host.
    public var apiKey: APIKey?
    /// `WANDB_ENTITY`; the account's default entity unless set.
    public var entity: String?
    /// `WANDB_PROJECT`.
    public var project: String?
    /// `WANDB_TAGS`, split at commas.
    public var tags: [String] = []
    /// `WANDB_RUN_GROUP`.
    public var group: String?
    /// `WANDB_JOB_TYPE`.
    public var jobType: String?
    /// `WANDB_NAME`.
    public var name: String?
    /// `WANDB_NOTES`.
    public var notes: String?
    /// `WANDB_USERNAME`, which requests carry along.
    public var username = ""
    /// `WANDB_USER_EMAIL`, which requests carry along.
    public var userEmail = ""

    /// The server that W&B's own client takes when none is set.
    public static let defaultBaseURL = "https://api.forge.coreweave.com"

    /// Settings as they are when nothing is set: online, but without a key.
    public init() {}

    /// How servers are reached, `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `HTTP_PROXY` and the like.
    public var http = HTTPEnvironment.process
    /// `WANDB__EXTRA_HTTP_HEADERS`, which go with every request.
    var extraHeaders: [String: String] = [:]
    /// `WANDB_HTTP_TIMEOUT`: how long the server may take for an answer.
    var answerTimeout: Duration?
    /// `WANDB_SILENT`: there are no messages about tracking.
    public var isSilent = false
    /// `WANDB_CONSOLE`, unless it is off: runs' output is kept for W&B.
    public var keepsConsole = true
    /// `WANDB_DISABLE_GIT` unset: W&B gets to know the commit.
    public var tellsCommit = true
    /// `WANDB_DISABLE_CODE` unset, and `WANDB_SAVE_CODE` not false: W&B gets to know what was changed since the commit.
    public var tellsChanges = true
    /// `WANDB_IGNORE_GLOBS`: files of these names are not uploaded.
    public var ignoredFiles: [String] = []
    /// What was skipped while the settings were read, one line each, for the user.
    public var notices: [String] = []
    /// Where the key stands: a variable's name or a file's path.
    var keyPlace: String?
    /// Where `WANDB_MODE` stands if that is a file.
    var modePlace: String?
    /// What netrc has keys for.
    var netrcMachines: [String] = []
    /// Why nothing is sent whatever the mode says.
    var refusal: String?

    /// Settings for runs that stay in their folders because what the user set cannot be meant.
    public static func offline(because error: WandBSettingsError) -> WandBSettings {
        var settings = WandBSettings()
        settings.mode = .offline
        settings.refusal = "\(error)"
        return settings
    }

    /// A client for requests to the server, the way the settings say.
    func makeClient() throws(HTTPError) -> HTTPClient {
        try HTTPClient(environment: http, headers: extraHeaders.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    /// Why runs will stay in their folders, or nil if they can be sent.
    public var offlineReason: String? {
        if let refusal { return refusal }
        let place = modePlace.map { " in \($0)" } ?? ""
        return switch mode {
        case .disabled: "WANDB_MODE is disabled\(place)"
        case .offline: "WANDB_MODE is offline\(place)"
        case .online: apiKey == nil ? "no WANDB_API_KEY is set" : nil
        }
    }
}
