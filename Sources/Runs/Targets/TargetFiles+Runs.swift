import Artifacts
import Experiments
import Foundation
import Kernels
import Layout
import Targets

/// What a training did, kept as `metadata.json`.
struct TrainingRecord: Codable {
    /// The seed whose target was kept.
    let seed: Int
    /// Seeds tried before, with the features that each failed to represent.
    let rejected: [Rejected]
    /// The loss at the end.
    let loss: Double

    struct Rejected: Codable {
        let seed: Int
        let unrepresented: [Int]
    }
}

extension TargetFiles {
    /// The network that the files hold.
    ///
    /// - Throws: a kind of target that runs do not know.
    func model() throws -> TargetModel {
        try config.target(weights.mapValues { Tensor(shape: $0.shape, values: $0.floats) })
    }

    /// Writes a trained target into a folder that exists.
    ///
    /// - Throws: `FileError`.
    static func write(
        _ target: TrainedTarget, config: TargetConfig, record: TrainingRecord, to folder: String
    ) throws {
        let kind = config.kind
        let arrays = target.model.stateDict.mapValues { SafeTensors.Array(shape: $0.shape, $0.values) }
        try SafeTensors(arrays: arrays, metadata: ["format": "pt"])
            .write(to: "\(folder)/\(kind.weightsStem).safetensors")
        try DurableFile.write(config.yaml(), to: "\(folder)/\(kind.trainingConfigName)")
        if let coefficients = target.labelCoefficients {
            let numbers = coefficients.map { "\($0)" }.joined(separator: ", ")
            try DurableFile.write("[\(numbers)]\n", to: "\(folder)/\(TargetFileNames.labelCoefficients)")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try DurableFile.write(Array(encoder.encode(record)), to: TargetsFolder.record(of: folder))
    }
}
