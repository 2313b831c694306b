import Foundation

/// Where the hub is, where its tools keep what they downloaded, and how this user is known there.
public struct HubSettings: Sendable {
    /// The hub's address, without a slash at its end.
    public let endpoint: String
    /// Where the hub's own tools keep models and data sets.
    public let hubCache: String
    /// Where the `datasets` package keeps the tables that it made.
    public let datasetsCache: String
    /// Whether no request may be made, and the variable that says so.
    public let offline: String?
    /// The user's token; never printed.
    let token: String?
    /// Where the token comes from.
    public let tokenSource: String?

    /// Reads the settings as the hub's own tools do.
    public init(environment: [String: String]) {
        func value(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        let user = environment["HOME"] ?? NSHomeDirectory()
        func path(_ text: String) -> String {
            text == "~" || text.hasPrefix("~/") ? user + text.dropFirst() : text
        }
        let home = path(value("HF_HOME") ?? (value("XDG_CACHE_HOME") ?? "~/.cache") + "/huggingface")
        hubCache = path(value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? home + "/hub")
        datasetsCache = path(value("HF_DATASETS_CACHE") ?? home + "/datasets")
        var endpoint = value("HF_ENDPOINT") ?? "https://huggingface.co"
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        self.endpoint = endpoint
        offline = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first { name in
            ["1", "true", "yes", "on"].contains(environment[name]?.lowercased() ?? "")
        }
        let file = path(value("HF_TOKEN_PATH") ?? home + "/token")
        if let name = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].first(where: { value($0) != nil }) {
            (token, tokenSource) = (Self.cleaned(value(name)), name)
        } else if let text = try? String(contentsOfFile: file, encoding: .utf8), let token = Self.cleaned(text) {
            (self.token, tokenSource) = (token, file)
        } else {
            (token, tokenSource) = (nil, nil)
        }
    }

    /// A token without the space around it; nil if it could not stand in a header.
    private static func cleaned(_ text: String?) -> String? {
        let token = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        let isPlain = token.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return token.isEmpty || !isPlain ? nil : token
    }
}
