import Artifacts
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
    /// How long the hub may stay silent before a request counts as failed.
    let patience: Duration
    /// The user's token; never printed.
    let token: String?
    /// Where the token comes from.
    public let tokenSource: String?
    /// Why a token that is there cannot be used, in words; it is never shown.
    public let tokenProblem: String?

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
        // The hub's own tools wait for 10 s; behind a slow proxy that is little.
        let seconds = value("HF_HUB_DOWNLOAD_TIMEOUT").flatMap(Double.init) ?? 30
        patience = .seconds(seconds.isFinite ? min(max(seconds, 1), 3600) : 30)
        let file = path(value("HF_TOKEN_PATH") ?? home + "/token")
        if let name = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].first(where: { value($0) != nil }) {
            (token, tokenSource, tokenProblem) = Self.taken(value(name) ?? "", from: name)
        } else {
            do throws(FileError) {
                let text = try FolderListing.holds(file) ? DurableFile.read(file, limit: 1 << 16) : []
                (token, tokenSource, tokenProblem) = Self.taken(String(decoding: text, as: UTF8.self), from: file)
            } catch {
                (token, tokenSource, tokenProblem) = (nil, nil, "the token is not used: \(error)")
            }
        }
    }

    /// A token without the space around it, if it could stand in a header.
    private static func taken(_ text: String, from place: String) -> (token: String?, source: String?, problem: String?)
    {
        var characters = CharacterSet.whitespacesAndNewlines
        characters.insert("\u{FEFF}")
        let token = text.trimmingCharacters(in: characters)
        if token.isEmpty { return (nil, nil, nil) }
        guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return (nil, nil, "the token in \(place) is not used: expected one word of ASCII characters")
        }
        return (token, place, nil)
    }
}
