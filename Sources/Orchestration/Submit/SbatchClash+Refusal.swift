package import Slurm

extension SbatchClash {
    /// Why it is not taken; `ownOption` says how this program's option of the same name is given.
    package func refusal(ownOption: (String) -> String) -> String {
        let advice =
            switch remedy {
            case .sameName: ownOption(options[0])
            case .other(let words): words
            }
        return "\(meaning), which this program sets itself: \(advice)"
    }
}
