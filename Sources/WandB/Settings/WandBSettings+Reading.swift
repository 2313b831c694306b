import Foundation
import HTTP
import JSON

extension WandBSettings {
    /// Reads the settings; the environment overrides `.env`, which overrides netrc and the `settings` files that
    /// W&B's own client keeps.
    ///
    /// A file that cannot be read and lines that are no settings are skipped with a notice. No value reaches the
    /// settings or a message before it was checked to be one.
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
        var sources = SettingSources(
            environment: environment, workingDirectory: workingDirectory, homeDirectory: homeDirectory)
        var settings = WandBSettings()
        try settings.takeServer(from: sources)
        try settings.takeRun(from: sources)
        try settings.takeManners(from: sources)
        try settings.takeConnection(from: sources)
        try settings.takeKey(from: &sources)
        settings.notices = settings.isSilent ? [] : sources.notices + settings.notices
        return settings
    }

    private mutating func takeServer(from sources: SettingSources) throws(WandBSettingsError) {
        mode = try sources.value("WANDB_MODE", Self.mode) ?? .online
        modePlace = sources["WANDB_MODE"]?.path
        let base = try base(sources)
        baseURL = base.text
        let app = { (text: String) throws(WandBSettingsError) in try BaseURL(text, setting: "WANDB_APP_URL").text }
        appURL = try sources.value("WANDB_APP_URL", app) ?? base.appURL
        username = try sources.text("WANDB_USERNAME") ?? ""
        userEmail = try sources.text("WANDB_USER_EMAIL") ?? ""
    }

    private mutating func takeRun(from sources: SettingSources) throws(WandBSettingsError) {
        entity = try sources.value("WANDB_ENTITY", RunDescription.checkedEntity)
        project = try sources.value("WANDB_PROJECT", RunDescription.checkedProject)
        tags = try sources.value("WANDB_TAGS", Self.tags) ?? []
        group = try sources.text("WANDB_RUN_GROUP")
        jobType = try sources.text("WANDB_JOB_TYPE")
        name = try sources.text("WANDB_NAME")
        notes = try sources.text("WANDB_NOTES", mayHaveLines: true)
    }

    private mutating func takeManners(from sources: SettingSources) throws(WandBSettingsError) {
        isSilent = try sources.flag("WANDB_SILENT")
        let consoles = ["auto", "off", "wrap", "redirect", "wrap_raw", "wrap_emu"]
        let console = try sources.value("WANDB_CONSOLE") { text throws(WandBSettingsError) in
            guard consoles.contains(text) else {
                throw .badName(
                    setting: "WANDB_CONSOLE", value: text, reason: "allowed: \(consoles.joined(separator: ", "))")
            }
            return text
        }
        keepsConsole = console != "off"
        // As W&B's client takes it.
        tellsCommit = try sources.text("WANDB_DISABLE_GIT").map { $0.lowercased() == "false" } ?? true
        // A setting that withholds the commit also withholds later changes.
        let isCodeKept = try sources.flag("WANDB_DISABLE_CODE")
        let isCodeSaved = try sources["WANDB_SAVE_CODE"] == nil ? true : sources.flag("WANDB_SAVE_CODE")
        tellsChanges = tellsCommit && isCodeSaved && !isCodeKept
        ignoredFiles = try sources.text("WANDB_IGNORE_GLOBS")?.split(separator: ",").map(String.init) ?? []
    }

    private mutating func takeConnection(from sources: SettingSources) throws(WandBSettingsError) {
        http = HTTPEnvironment(sources.named.mapValues(\.text), prefix: "WANDB_")
        notices += http.notices
        if try sources.flag("WANDB_INSECURE_DISABLE_SSL") {
            http.checksCertificates = false
            notices.append("WANDB_INSECURE_DISABLE_SSL is set: servers' certificates are not checked")
        }
        answerTimeout = try sources.value("WANDB_HTTP_TIMEOUT") { text throws(WandBSettingsError) in
            guard let seconds = Double(text), seconds > 0, seconds <= 86400 else {
                throw .badName(setting: "WANDB_HTTP_TIMEOUT", value: text, reason: "expected a number of seconds")
            }
            return .seconds(seconds)
        }
        if let headers = sources.named["WANDB__EXTRA_HTTP_HEADERS"] {
            do throws(WandBSettingsError) { extraHeaders = try Self.headers(headers.text) } catch {
                throw headers.error(error)
            }
        }
    }

    private static func headers(_ text: String) throws(WandBSettingsError) -> [String: String] {
        var headers: [String: String] = [:]
        guard case .object(let members)? = try? JSONValue(parsing: text) else {
            throw .badValue(setting: "WANDB__EXTRA_HTTP_HEADERS", reason: "expected a JSON object of texts")
        }
        for member in members {
            let isLine = { (text: String) in
                !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            }
            guard let value = member.value.string, isLine(value), isLine(member.name), !member.name.isEmpty else {
                throw .badValue(
                    setting: "WANDB__EXTRA_HTTP_HEADERS", reason: "expected names and texts of one line each")
            }
            headers[member.name] = value
        }
        return headers
    }

    private mutating func takeKey(from sources: inout SettingSources) throws(WandBSettingsError) {
        if sources.named["WANDB_IDENTITY_TOKEN_FILE"] != nil {
            throw .unsupported("WANDB_IDENTITY_TOKEN_FILE is set", instead: "WANDB_API_KEY, and unset it")
        }
        let base = try base(sources)
        if let key = sources.named["WANDB_API_KEY"] {
            try takeKey(key)
        } else if let (path, file) = sources.netrc() {
            netrcMachines = file.machines.compactMap(\.self)
            // The default entry is meant for W&B only if it looks like a key.
            let fallback = file.password(for: nil).flatMap { (try? APIKey($0)) == nil ? nil : $0 }
            if let password = base.netrcMachines.compactMap({ file.password(for: $0) }).first ?? fallback {
                try takeKey(SettingSources.Found(text: password, path: path))
            }
        }
        guard apiKey == nil, let key = sources.saved["WANDB_API_KEY"] else { return }
        let keysBase = try savedBase(sources)
        if keysBase == base { try takeKey(key) }
    }

    private mutating func takeKey(_ key: SettingSources.Found) throws(WandBSettingsError) {
        do throws(WandBSettingsError) { apiKey = try APIKey(key.text) } catch { throw key.error(error) }
        keyPlace = key.path ?? "WANDB_API_KEY"
    }

    private func base(_ sources: SettingSources) throws(WandBSettingsError) -> BaseURL {
        if let base = try sources.value("WANDB_BASE_URL", Self.address) { return base }
        return try BaseURL(Self.defaultBaseURL)
    }

    /// The server that the key of the `settings` files is for.
    private func savedBase(_ sources: SettingSources) throws(WandBSettingsError) -> BaseURL {
        try BaseURL(sources.saved["WANDB_BASE_URL"]?.text ?? Self.defaultBaseURL)
    }

    private static func address(_ text: String) throws(WandBSettingsError) -> BaseURL { try BaseURL(text) }

    private static func mode(_ text: String) throws(WandBSettingsError) -> Mode {
        switch text {
        case "online", "run": .online
        case "offline", "dryrun": .offline
        case "disabled": .disabled
        case "shared": throw .unsupported("WANDB_MODE is shared: several writers of one run", instead: "online")
        default: throw .unknownMode(text)
        }
    }

    private static func tags(_ text: String) throws(WandBSettingsError) -> [String] {
        var tags: [String] = []
        for part in text.split(separator: ",") {
            let tag = part.trimmingCharacters(in: .whitespaces)
            if !tag.isEmpty { tags.append(try RunDescription.checkedTag(tag)) }
        }
        return tags
    }
}
