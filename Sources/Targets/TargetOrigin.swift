public import Experiments

/// Where a spec's target comes from: decided here for submissions, agents and measurements alike.
public enum TargetOrigin: Sendable, Hashable {
    /// The first run that needs it trains it as this config says.
    case training(TargetConfig)
    /// It is read from the folder or the weights at this path.
    case files(String)
    /// A run on Weights & Biases trained it.
    case run(WandBRunReference)
    /// The Hugging Face hub has it under this name.
    case hub(String)

    /// The origin that a config names.
    ///
    /// - Parameters:
    ///   - config: The config.
    ///   - training: How the target is trained, where the config says `train:`.
    ///   - copy: The copy of the target's files to read, if the config names files.
    /// - Throws: A config that names no target.
    public init(_ config: ExperimentConfig, training: TargetConfig?, copy: String? = nil) throws(TargetError) {
        switch config.target {
        case .train(let name):
            guard let training else {
                throw TargetError("pretrained_model_path: the spec holds no training config for train:\(name)")
            }
            self = .training(training)
        case .local(let path): self = .files(copy ?? path)
        case .wandb(let run): self = .run(run)
        case .hub(let name): self = .hub(name)
        case nil: throw TargetError("pretrained_model_path: it is null, so there is no target to decompose")
        }
    }
}
