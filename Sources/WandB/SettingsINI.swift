import Foundation

/// Reads the `settings` files that `wandb login --host` and `wandb offline` leave.
enum SettingsINI {
    /// The keys that are taken over; the others steer W&B's own client.
    private static let keys = ["api_key", "base_url", "entity", "mode", "project"]

    /// The settings of the user and, over them, those of the working directory, as variables of the environment.
    static func read(
        environment: [String: String], workingDirectory: String, homeDirectory: String?
    ) throws(WandBSettingsError) -> [String: String] {
        let global = environment["WANDB_CONFIG_DIR"] ?? homeDirectory.map { $0 + "/.config/wandb" }
        let local = (environment["WANDB_DIR"] ?? workingDirectory) + "/wandb"
        var settings: [String: String] = [:]
        for folder in [global, local] {
            guard let folder, let text = try SettingsFile.text(folder + "/settings") else { continue }
            settings.merge(parse(text)) { $1 }
        }
        return settings
    }

    /// The `key = value` lines below `[default]`.
    static func parse(_ text: String) -> [String: String] {
        var settings: [String: String] = [:]
        var isDefault = false
        for line in text.split(separator: "\n") {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("[") { isDefault = line == "[default]" }
            guard isDefault, let separator = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else { continue }
            let key = line[..<separator].trimmingCharacters(in: .whitespaces).lowercased()
            let value = line[line.index(after: separator)...].trimmingCharacters(in: .whitespaces)
            if keys.contains(key), !value.isEmpty { settings["WANDB_" + key.uppercased()] = value }
        }
        return settings
    }
}
