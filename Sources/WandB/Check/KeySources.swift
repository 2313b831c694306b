import Foundation

/// Where an API key may stand, for telling the user which one was taken.
struct KeySources: Sendable {
    let environment: [String: String]
    let workingDirectory: String
    let homeDirectory: String?

    /// The place whose key counts, or nil where there is none; `machines` are netrc's names for the server, nil if
    /// any will do.
    func place(machines: [String]?) -> String? {
        let dotEnv = workingDirectory + "/.env"
        if let key = environment["WANDB_API_KEY"] {
            // One that is set but empty hides that of `.env`, not that of netrc.
            if !key.isEmpty { return "WANDB_API_KEY" }
        } else if let key = (try? DotEnvFile.read(dotEnv))?["WANDB_API_KEY"], !key.isEmpty {
            return dotEnv
        }
        guard let (path, text) = netrc else { return nil }
        let candidates = machines ?? NetrcFile.machines(in: text)
        return candidates.contains { NetrcFile.password(for: $0, in: text) != nil } ? path : nil
    }

    /// The machines that netrc has entries for.
    var netrcMachines: [String] { netrc.map { NetrcFile.machines(in: $0.text) } ?? [] }

    private var netrc: (path: String, text: String)? {
        let named = environment["NETRC"].flatMap { $0.isEmpty ? nil : $0 }
        let paths = named.map { [$0] } ?? homeDirectory.map { ["\($0)/.netrc", "\($0)/_netrc"] } ?? []
        for path in paths {
            if let text = (try? SettingsFile.text(path)) ?? nil { return (path, text) }
        }
        return nil
    }
}
