/// Where the target model's weights come from: the forms of `pretrained_model_path`, and `pretrained_model_name_hf`.
public enum PretrainedModel: Sendable, Hashable {
    /// `train:<target>`: the config `<target>_target.yaml`, trained once and cached.
    case train(String)
    /// A `.safetensors` or `.pth` file on this machine, or a training's folder that holds one.
    case local(String)
    /// A run on Weights & Biases.
    case wandb(WandBRunReference)
    /// A model by its name on the Hugging Face hub, or a folder with its files.
    case hub(String)
}

/// A run on Weights & Biases as a config names it: `wandb:[entity/]project/runs/id`.
public struct WandBRunReference: Sendable, Hashable {
    /// The team or user, or nil for the user's own default.
    public let entity: String?
    /// The project.
    public let project: String
    /// The run's id, as in its URL.
    public let id: String
}

extension PretrainedModel: CustomStringConvertible {
    /// The text of `pretrained_model_path`.
    public var description: String {
        switch self {
        case .train(let target): "train:" + target
        case .local(let text), .hub(let text): text
        case .wandb(let run):
            (["wandb:" + (run.entity.map { $0 + "/" } ?? "") + run.project, "runs", run.id])
                .joined(separator: "/")
        }
    }

    init?(_ text: String) {
        let scheme = text.prefix { $0 != ":" && $0 != "/" }
        guard scheme.endIndex < text.endIndex, text[scheme.endIndex] == ":" else {
            if text.isEmpty { return nil }
            self = .local(text)
            return
        }
        let rest = String(text[text.index(after: scheme.endIndex)...])
        switch scheme {
        case "train" where !rest.isEmpty && !rest.contains("/"): self = .train(rest)
        case "wandb":
            guard let run = WandBRunReference(rest) else { return nil }
            self = .wandb(run)
        default: return nil
        }
    }
}

extension WandBRunReference {
    fileprivate init?(_ text: String) {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        if parts.count >= 3, parts[parts.count - 2] == "runs" { parts.remove(at: parts.count - 2) }
        guard let id = parts.popLast(), let project = parts.popLast(), parts.count <= 1 else { return nil }
        self.init(entity: parts.first, project: project, id: id)
    }
}

extension Rule where T == PretrainedModel {
    static let pretrainedModel = Rule(
        allowed: "train:<target>, wandb:[entity/]project/runs/id or a path to .safetensors or .pth weights "
            + "or to the folder that holds them"
    ) {
        if case .string(let text) = $0 { PretrainedModel(text) } else { nil }
    } write: {
        .string($0.description)
    }
}
