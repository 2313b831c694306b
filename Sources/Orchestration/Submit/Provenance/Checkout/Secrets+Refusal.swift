import Artifacts
import Experiments
import Foundation
import WandB

extension Secrets {
    /// Refuses a text that is stored, shown and sent to W&B as it is, if it contains a key.
    ///
    /// - Parameters:
    ///   - text: The text; nil for none.
    ///   - what: What it is, for the message, which does not show it.
    ///   - isName: Whether nobody would call anything by 40 hexadecimal digits, so these are a key.
    /// - Throws: ``Failure`` with exit code 2.
    package func refuse(_ text: String?, as what: String, isName: Bool = false) throws(Failure) {
        guard let text, occur(in: Array(text.utf8)) || isName && SecretShapes.mayOccur(in: text) else { return }
        throw Self.refusal(of: what)
    }

    /// Refuses files that are copied into a job's folder, if one of them contains a key.
    ///
    /// Unreadable files are skipped: the code that needs them reports them.
    ///
    /// - Throws: ``Failure`` with the file and the line.
    package func refuse(files paths: [String]) throws(Failure) {
        for path in paths {
            var info = stat()
            guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { continue }
            let bytes: [UInt8]
            do throws(FileError) { bytes = try DurableFile.read(path, limit: 1 << 20) } catch { continue }
            try refuse(bytes, of: path)
        }
    }

    /// Refuses a file's contents if they contain a key.
    ///
    /// - Throws: ``Failure`` with the file's name and the line.
    func refuse(_ bytes: [UInt8], of name: String) throws(Failure) {
        guard occur(in: bytes) else { return }
        let line = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .firstIndex { occur(in: Array($0)) }
        throw Self.refusal(of: name + (line.map { ":\($0 + 1)" } ?? ""))
    }

    private static func refusal(of what: String) -> Failure {
        .badInput(
            "\(what) holds an API key, which would be stored where others may read it; take it out: keys are read from "
                + "WANDB_API_KEY and HF_TOKEN, .env and ~/.netrc")
    }
}

extension SweepPlan {
    /// Refuses a job's command-line texts that contain a key, before any of it is shown.
    ///
    /// - Parameters:
    ///   - secrets: What counts as a key.
    ///   - experiments: Names or files, as they were given.
    ///   - sweep: The sweep file.
    ///   - settings: Values that hold for every spec, `key=value` each.
    /// - Throws: ``Failure`` with the place, and without the key.
    package static func refuse(
        _ secrets: Secrets, experiments: [String], sweep: String?, settings: [String]
    ) throws(Failure) {
        try secrets.refuse(files: try ExperimentNames.read(experiments) + [sweep].compactMap(\.self))
        for setting in settings {
            let key = setting.prefix { $0 != "=" }
            try secrets.refuse(setting, as: "--set \(key)", isName: key == "wandb_project")
        }
    }

    /// Refuses W&B projects in specs that can only be keys, and observers' files that hold one.
    ///
    /// - Throws: ``Failure`` with the experiment, and without the key.
    package func refuse(_ secrets: Secrets) throws(Failure) {
        for project in Set(drafts.map(\.config.wandbProject)) {
            try secrets.refuse(project, as: "wandb_project", isName: true)
        }
        for observer in observers { try observer.refuse(secrets) }
    }
}
