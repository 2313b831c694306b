import Foundation

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

    /// Why runs will stay in their folders, or nil where they can be sent.
    public var offlineReason: String? {
        switch mode {
        case .disabled: "WANDB_MODE is disabled"
        case .offline: "WANDB_MODE is offline"
        case .online: apiKey == nil ? "no WANDB_API_KEY is set" : nil
        }
    }

    /// Reads the settings; the environment goes before `.env`, which goes before netrc and the `settings` files that
    /// W&B's own client keeps.
    ///
    /// - Parameters:
    ///   - environment: the process's environment.
    ///   - workingDirectory: where `.env` may lie.
    ///   - homeDirectory: where `.netrc` or `_netrc` may lie.
    /// - Returns: what is set, with W&B's defaults for the rest.
    /// - Throws: `WandBSettingsError` for a value that cannot be meant; never with the key in it.
    public static func read(
        environment: [String: String], workingDirectory: String, homeDirectory: String?
    ) throws(WandBSettingsError) -> WandBSettings {
        let fromFile = try DotEnvFile.read(workingDirectory + "/.env")
        let named = fromFile.merging(environment.filter { !$0.value.isEmpty }) { _, environment in environment }
        let saved = try SettingsINI.read(
            environment: named, workingDirectory: workingDirectory, homeDirectory: homeDirectory)
        let values = saved.merging(named) { _, named in named }
        // A variable that is set but empty counts as not set, as for W&B's client.
        let value = { (name: String) in values[name].flatMap { $0.isEmpty ? nil : $0 } }

        var settings = WandBSettings()
        if let mode = value("WANDB_MODE") {
            switch mode {
            case "online", "run": settings.mode = .online
            case "offline", "dryrun": settings.mode = .offline
            case "disabled": settings.mode = .disabled
            case "shared": throw .unsupported("WANDB_MODE is shared: several writers of one run", instead: "online")
            default: throw .unknownMode(mode)
            }
        }
        let base = try BaseURL(value("WANDB_BASE_URL") ?? defaultBaseURL)
        settings.baseURL = base.text
        settings.appURL = value("WANDB_APP_URL").map(BaseURL.withoutTrailingSlashes) ?? base.appURL
        settings.entity = value("WANDB_ENTITY")
        settings.project = try value("WANDB_PROJECT").map(RunDescription.checkedProject)
        settings.tags = try value("WANDB_TAGS").map(tags) ?? []
        settings.group = value("WANDB_RUN_GROUP")
        settings.jobType = value("WANDB_JOB_TYPE")
        settings.name = value("WANDB_NAME")
        settings.notes = value("WANDB_NOTES")
        settings.username = value("WANDB_USERNAME") ?? ""
        settings.userEmail = value("WANDB_USER_EMAIL") ?? ""
        if named["WANDB_IDENTITY_TOKEN_FILE"]?.isEmpty == false {
            throw .unsupported("WANDB_IDENTITY_TOKEN_FILE is set", instead: "WANDB_API_KEY, and unset it")
        }
        if let key = named["WANDB_API_KEY"], !key.isEmpty {
            settings.apiKey = try APIKey(key)
        } else if let key = try netrcKey(for: base, named: value("NETRC"), homeDirectory: homeDirectory) {
            settings.apiKey = key
        } else if let key = saved["WANDB_API_KEY"],
            try base == BaseURL(saved["WANDB_BASE_URL"] ?? defaultBaseURL)
        {
            settings.apiKey = try APIKey(key)
        }
        return settings
    }

    private static func tags(_ text: String) throws(WandBSettingsError) -> [String] {
        var tags: [String] = []
        for part in text.split(separator: ",") {
            let tag = part.trimmingCharacters(in: .whitespaces)
            if !tag.isEmpty { tags.append(try RunDescription.checkedTag(tag)) }
        }
        return tags
    }

    private static func netrcKey(
        for base: BaseURL, named netrc: String?, homeDirectory: String?
    ) throws(WandBSettingsError) -> APIKey? {
        let home = homeDirectory ?? ""
        let named = netrc.map { [$0.hasPrefix("~/") ? home + $0.dropFirst() : $0] }
        for path in named ?? ["\(home)/.netrc", "\(home)/_netrc"] {
            guard let text = try SettingsFile.text(path) else { continue }
            for machine in base.netrcMachines {
                if let password = NetrcFile.password(for: machine, in: text) { return try APIKey(password) }
            }
            // What stands for every other machine is meant for W&B only if it looks like a key.
            return NetrcFile.password(for: nil, in: text).flatMap { try? APIKey($0) }
        }
        return nil
    }
}
