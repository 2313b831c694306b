import Experiments
import WandB

/// Which files of a run make a target: its training config, its newest weights, the coefficients of its labels.
struct TargetChoice: Equatable {
    let config: RemoteFile
    let weights: RemoteFile
    let labelCoefficients: RemoteFile?

    /// Chooses among a run's files.
    ///
    /// - Throws: what is missing, and what there is.
    init(among files: [RemoteFile]) throws(TargetDownloadError.Reason) {
        // Files in folders are media and code.
        let own = files.filter { !$0.name.contains("/") }
        guard !own.isEmpty else { throw .noFiles }
        let configs = (TargetFileNames.configs + [Self.olderConfig]).compactMap { name in
            own.first { $0.name == name }
        }
        guard let config = configs.first else {
            throw .missing("its training config (\(TargetFileNames.configs.joined(separator: " or ")))", own)
        }
        let candidates = own.filter { file in
            Self.weightSuffixes.contains { file.name.hasSuffix($0) } && !file.name.hasPrefix("checkpoint_")
        }
        guard let weights = candidates.max(by: { Self.isOlder($0.name, $1.name) }) else {
            throw .missing("its weights (.pth or .safetensors)", own)
        }
        self.config = config
        self.weights = weights
        labelCoefficients = own.first { $0.name == TargetFileNames.labelCoefficients }
    }

    /// What some trainings called their config; decompositions have a file of that name too.
    static let olderConfig = "final_config.yaml"
    private static let weightSuffixes = [".pth", ".pt", ".safetensors"]

    /// Whether weights were saved before others, going by the name `<name>_<step>.pth`; a name without a step says
    /// nothing.
    static func isOlder(_ name: String, _ other: String) -> Bool {
        (step(name) ?? -1, name) < (step(other) ?? -1, other)
    }

    private static func step(_ name: String) -> Int? {
        let stem = name.prefix { $0 != "." }
        return stem.lastIndex(of: "_").flatMap { Int(stem[stem.index(after: $0)...]) }
    }

    /// What the cache calls the weights: the published tool's name for them.
    func weightsName(stem: String) -> String {
        stem + (weights.name.hasSuffix(".safetensors") ? ".safetensors" : ".pth")
    }
}
