/// What is wrong with the W&B settings a user gave.
public enum WandBSettingsError: Error, Equatable {
    case badAPIKey(String)
    case badBaseURL(String, setting: String = "WANDB_BASE_URL")
    case unknownMode(String)
    case unsupported(String, instead: String)
    case badName(setting: String, value: String, reason: String)
    /// A value that is not shown.
    case badValue(setting: String, reason: String)
    /// One of the others, about a value that is in a file.
    indirect case inFile(path: String, line: Int?, WandBSettingsError)
}

extension WandBSettingsError: CustomStringConvertible {
    /// One line: what is wrong and what to do.
    public var description: String {
        switch self {
        case .badAPIKey(let reason):
            "the W&B API key is not valid: \(reason); copy it again from your W&B user settings, or unset it to work offline"
        case .badBaseURL(let text, let setting):
            "\(setting) \(SecretShapes.quoted(text)) is not a server's address; expected something like https://api.wandb.ai"
        case .unknownMode(let mode):
            "WANDB_MODE \(SecretShapes.quoted(mode)) is unknown\(Self.nearest(mode)); allowed: online, offline, disabled"
        case .unsupported(let what, let instead):
            "\(what), which is not supported; use \(instead)"
        case .badName(let setting, let value, let reason):
            "\(setting) \(SecretShapes.quoted(value)) is not allowed: \(reason)"
        case .badValue(let setting, let reason):
            "the value of \(setting) is not allowed (and not shown): \(reason)"
        case .inFile(let path, let line, let error):
            "\(path)\(line.map { ", line \($0)" } ?? ""): \(error)"
        }
    }

    private static func nearest(_ mode: String) -> String {
        let lowered = mode.lowercased()
        let match = ["online", "offline", "disabled"].first {
            $0 == lowered
                || ($0.first == lowered.first && $0.last == lowered.last && $0.hasPrefix(lowered.prefix(2)))
                || (lowered.count > 2 && $0.hasPrefix(lowered))
        }
        return match.map { " (did you mean '\($0)'?)" } ?? ""
    }
}
