internal import Artifacts
import Experiments
import Foundation
import WandB

/// A target's files as they came from W&B, under the names that the cache has for them.
struct RemoteTarget {
    let files: [(name: String, bytes: [UInt8])]

    /// Where files came from, kept next to them.
    private struct Origin: Codable {
        let entity: String
        let project: String
        let run: String
        /// What the run calls its weights.
        let weights: String
    }
    private static let originName = "wandb_run.json"

    /// Downloads the files of a run that make up a target.
    init(
        _ run: WandBRunReference, settings: WandBSettings, limit: Duration,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(TargetDownloadError.Reason) {
        let remote = try Self.asked { () throws(RunFilesError) in
            try RunFiles(
                entity: run.entity, project: run.project, id: run.id, settings: settings, limit: limit,
                isCancelled: isCancelled)
        }
        let choice = try TargetChoice(among: try Self.asked { () throws(RunFilesError) in try remote.list() })
        let bytes = { (file: RemoteFile) throws(TargetDownloadError.Reason) -> [UInt8] in
            try Self.asked { () throws(RunFilesError) in try remote.bytes(of: file) }
        }
        let config = try bytes(choice.config)
        let kind = try Self.kind(of: config, choice.config.name)
        var files = [
            (kind.trainingConfigName, config),
            (choice.weightsName(stem: kind.weightsStem), try bytes(choice.weights)),
        ]
        if let coefficients = choice.labelCoefficients { files.append((coefficients.name, try bytes(coefficients))) }
        let origin = Origin(
            entity: remote.entity, project: run.project, run: run.id, weights: choice.weights.name)
        do { files.append((Self.originName, Array(try JSONEncoder().encode(origin)))) } catch {
            throw .notKept("\(error)")
        }
        self.files = files
    }

    private static func asked<Value>(
        _ body: () throws(RunFilesError) -> Value
    ) throws(TargetDownloadError.Reason) -> Value {
        do throws(RunFilesError) { return try body() } catch { throw .unavailable(error) }
    }

    /// The kind of target that a training config describes.
    private static func kind(of config: [UInt8], _ name: String) throws(TargetDownloadError.Reason) -> TargetKind {
        do throws(ConfigError) {
            return try TargetConfig.load(yaml: String(decoding: config, as: UTF8.self), source: name).kind
        } catch {
            let advice = name == TargetChoice.olderConfig ? "the run trained no target: " : ""
            throw .unusable("\(advice)\(error)")
        }
    }

    /// Reads the files where they were put.
    ///
    /// - Throws: what is wrong with one.
    func check(in folder: String) throws {
        for file in files {
            let path = "\(folder)/\(file.name)"
            if file.name.hasSuffix(".pth") {
                _ = try TorchFile(contentsOf: path)
            } else if file.name.hasSuffix(".safetensors") {
                _ = try SafeTensors(contentsOf: path)
            }
        }
    }

    /// The entity whose run the files in a folder are of, where that was recorded.
    static func entity(ofFilesIn folder: String) -> String? {
        guard let bytes = try? DurableFile.read("\(folder)/\(originName)", limit: 1 << 20) else { return nil }
        return (try? JSONDecoder().decode(Origin.self, from: Data(bytes)))?.entity
    }
}
