/// All places where W&B settings may be, as found.
struct SettingSources: Sendable {
    /// A value and where it stands.
    struct Found: Sendable, Equatable {
        let text: String
        /// The file, or nil for the environment.
        var path: String?
        var line: Int?

        /// An error about this value, with its place where that is a file.
        func error(_ error: WandBSettingsError) -> WandBSettingsError {
            path.map { .inFile(path: $0, line: line, error) } ?? error
        }
    }

    /// Values of the environment and, where it has none, of `.env`.
    private(set) var named: [String: Found] = [:]
    /// Values of the `settings` files that W&B's own client keeps, as variables of the environment.
    private(set) var saved: [String: Found] = [:]
    /// What was skipped, one line each.
    private(set) var notices: [String] = []
    private let homeDirectory: String?
    /// Everything that stands anywhere, also what something else hides.
    private var everything: [(name: String, text: String)] = []

    /// The settings that are taken over from W&B's client; the others steer that client only.
    private static let savedNames: Set = ["api_key", "base_url", "entity", "mode", "project"]

    /// Under which further names W&B's client takes settings: each variable is one of its settings, and some of these
    /// have another variable of old.
    private static let otherNames = [
        "WANDB_RUN_NAME": "WANDB_NAME", "WANDB_RUN_NOTES": "WANDB_NOTES", "WANDB_RUN_TAGS": "WANDB_TAGS",
        "WANDB_RUN_JOB_TYPE": "WANDB_JOB_TYPE", "WANDB_EMAIL": "WANDB_USER_EMAIL",
        "WANDB_APP_URL_OVERRIDE": "WANDB_APP_URL", "WANDB_X_GRAPHQL_TIMEOUT_SECONDS": "WANDB_HTTP_TIMEOUT",
        "WANDB_X_EXTRA_HTTP_HEADERS": "WANDB__EXTRA_HTTP_HEADERS",
    ]

    init(environment: [String: String], workingDirectory: String, homeDirectory: String?) {
        self.homeDirectory = homeDirectory
        for (name, value) in environment where !value.isEmpty {
            named[name] = Found(text: value)
            everything.append((name, value))
        }
        let dotEnv = workingDirectory + "/.env"
        if let text = content(dotEnv) {
            let file = DotEnvFile(text, environment: environment)
            note(badLines: file.badLines, of: dotEnv, expected: "NAME=value")
            everything += file.values.map { ($0, $1.text) }
            for (name, value) in file.values where named[name] == nil && !value.text.isEmpty {
                named[name] = Found(text: value.text, path: dotEnv, line: value.line)
            }
        }
        for (other, name) in Self.otherNames where named[name] == nil {
            if let found = named[other] { named[name] = found }
        }
        let global = named["WANDB_CONFIG_DIR"]?.text ?? homeDirectory.map { $0 + "/.config/wandb" }
        let local = (named["WANDB_DIR"]?.text ?? workingDirectory) + "/wandb"
        for path in [global, local].compactMap({ $0.map { $0 + "/settings" } }) {
            guard let text = content(path) else { continue }
            let file = SettingsINI(text)
            note(badLines: file.badLines, of: path, expected: "name = value")
            everything += file.values.map { ($0, $1.text) }
            for (name, value) in file.values where Self.savedNames.contains(name) && !value.text.isEmpty {
                saved["WANDB_" + name.uppercased()] = Found(text: value.text, path: path, line: value.line)
            }
        }
    }

    /// The value that counts.
    subscript(name: String) -> Found? { named[name] ?? saved[name] }

    /// The value that counts as `parse` reads it, or nil if there is none.
    ///
    /// - Parameters:
    ///   - name: the variable's name.
    ///   - mayHaveLines: whether its text may have several lines.
    ///   - parse: takes the text once it is known to be text without a secret in it.
    /// - Returns: what `parse` makes of it.
    /// - Throws: why it cannot be meant, with its place where that is a file.
    func value<Value>(
        _ name: String, mayHaveLines: Bool = false, _ parse: (String) throws(WandBSettingsError) -> Value
    ) throws(WandBSettingsError) -> Value? {
        guard let found = self[name] else { return nil }
        do throws(WandBSettingsError) {
            try check(found.text, of: name, mayHaveLines: mayHaveLines)
            return try parse(found.text)
        } catch {
            throw found.error(error)
        }
    }

    /// The value that counts as it stands.
    func text(_ name: String, mayHaveLines: Bool = false) throws(WandBSettingsError) -> String? {
        try value(name, mayHaveLines: mayHaveLines) { $0 }
    }

    /// Whether a switch is on.
    func flag(_ name: String) throws(WandBSettingsError) -> Bool {
        try value(name) { text throws(WandBSettingsError) in
            switch text.lowercased() {
            case "1", "true", "t", "yes", "y", "on": return true
            case "0", "false", "f", "no", "n", "off": return false
            default: throw .badName(setting: name, value: text, reason: "allowed: true, false")
            }
        } ?? false
    }

    private func check(_ text: String, of name: String, mayHaveLines: Bool) throws(WandBSettingsError) {
        let isForbidden = { (scalar: Unicode.Scalar) in
            scalar.properties.generalCategory == .control && !(mayHaveLines && (scalar == "\n" || scalar == "\t"))
        }
        if text.unicodeScalars.contains(where: isForbidden) {
            throw .badValue(setting: name, reason: "it holds a line break or another control character")
        }
        if text.unicodeScalars.contains("\u{FFFD}") { throw .badValue(setting: name, reason: "it is not UTF-8 text") }
        if SecretShapes.mayOccur(in: text) || keys.contains(where: text.contains) {
            throw .badValue(setting: name, reason: "it holds an API key")
        }
    }

    /// Everything that is meant to be W&B's key.
    private var keys: [String] {
        everything.filter { ["WANDB_API_KEY", "api_key"].contains($0.name) && $0.text.utf8.count >= 8 }.map(\.text)
    }

    /// Values that are secrets by their names; those too short to be any don't count.
    private var namedSecrets: [String] {
        everything.filter { $0.text.utf8.count >= 8 && SecretShapes.isSecret(name: $0.name) }.map(\.text)
    }

    /// Every secret that is in any of the places, whether it counts or not.
    var secrets: [String] {
        let netrcs = netrcPaths.map(SettingsFile.read).compactMap { file in
            if case .text(let text) = file { NetrcFile(text) } else { nil }
        }
        return namedSecrets + netrcs.flatMap(\.allPasswords).filter { $0.utf8.count >= 8 }
    }

    /// The netrc that counts, the first that is there.
    mutating func netrc() -> (path: String, file: NetrcFile)? {
        for path in netrcPaths {
            if let text = content(path) { return (path, NetrcFile(text)) }
        }
        return nil
    }

    private var netrcPaths: [String] {
        let home = homeDirectory ?? ""
        let named = named["NETRC"].map { [$0.text.hasPrefix("~/") ? home + $0.text.dropFirst() : $0.text] }
        return named ?? ["\(home)/.netrc", "\(home)/_netrc"]
    }

    private mutating func content(_ path: String) -> String? {
        switch SettingsFile.read(path) {
        case .text(let text): return text
        case .absent: return nil
        case .passedOver(let reason):
            notices.append("\(path) is ignored: \(reason)")
            return nil
        }
    }

    private mutating func note(badLines lines: [Int], of path: String, expected: String) {
        guard let first = lines.first else { return }
        let (noun, verb) = lines.count == 1 ? ("line \(first)", "is") : ("\(lines.count) lines from \(first) on", "are")
        notices.append("\(path): \(noun) \(verb) ignored: expected \(expected)")
    }
}

extension SecretShapes {
    /// Every secret in the environment, in `.env`, in netrc and in the `settings` files of W&B's client, whether it
    /// counts or not; values too short to be secrets are left out.
    ///
    /// - Parameters:
    ///   - environment: the process's environment.
    ///   - workingDirectory: where `.env` may lie.
    ///   - homeDirectory: where netrc files may lie.
    /// - Returns: the values, in no order.
    public static func known(
        environment: [String: String], workingDirectory: String, homeDirectory: String?
    ) -> [String] {
        SettingSources(environment: environment, workingDirectory: workingDirectory, homeDirectory: homeDirectory)
            .secrets
    }
}
