public import Experiments
public import WandB

/// Why a target could not be had from W&B; the text names the reference.
public struct TargetDownloadError: Error, Equatable, CustomStringConvertible {
    /// The run that was asked for.
    public let run: WandBRunReference
    /// What was wrong.
    public let reason: Reason

    /// What was wrong.
    public enum Reason: Error, Equatable {
        /// W&B could not be asked, or has no such run.
        case unavailable(RunFilesError)
        /// The run has no files at all.
        case noFiles
        /// The run lacks a file; those that it has.
        case missing(String, [RemoteFile])
        /// A file is not what its name says.
        case unusable(String)
        /// It could not be put into the cache.
        case notKept(String)
    }

    /// One line: the reference, what is wrong, what there is instead.
    public var description: String {
        "pretrained_model_path \(PretrainedModel.wandb(run)): \(explanation)"
    }

    private var explanation: String {
        switch reason {
        case .unavailable(let error): "\(error)"
        case .noFiles: "the run has no files; is it the training of a target?"
        case .missing(let what, let files):
            "the run has not \(what); it has \(files.prefix(8).map(\.name).joined(separator: ", "))"
                + (files.count > 8 ? ", …" : "")
        case .unusable(let reason), .notKept(let reason): reason
        }
    }

    /// Whether trying again later may help, or the reference is wrong.
    public var mayPass: Bool {
        switch reason {
        case .unavailable(.failed), .unavailable(.interrupted), .unavailable(.damaged), .notKept: true
        default: false
        }
    }
}
