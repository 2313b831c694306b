import Artifacts
import Foundation
import Kernels
import Layout

/// A run's saved states: the newest and the one before, each checked when it is read.
struct Checkpoints {
    let folder: RunFolder
    /// What the states belong to; a state of another config is not used.
    let configHash: String

    private static let format = "spd-checkpoint-1"

    private func path(_ step: Int) -> String { folder.checkpoint(step: step) }

    /// The steps of the checkpoints there are, newest first.
    ///
    /// A folder that cannot be listed must not look like one without checkpoints: the run would start over.
    private func steps() throws(FileError) -> [Int] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        } catch {
            throw FileError(.read, folder.path, reason: error.localizedDescription)
        }
        return names.compactMap(RunFolder.step(ofCheckpoint:)).sorted(by: >)
    }

    /// Saves a state, then forgets all but this and the one before.
    ///
    /// - Parameters:
    ///   - state: The state.
    ///   - flush: What of it has to outlast a power cut.
    ///   - isOurs: Asked again before anything is forgotten: another attempt's states are newer and must stay.
    /// - Throws: `FileError`; the older states are then untouched.
    func save(
        _ state: DecompositionState, flush: DurableFile.Flush = .contentsAndName, isOurs: () -> Bool = { true }
    ) throws(FileError) {
        let arrays = state.tensors.mapValues { SafeTensors.Array(shape: $0.shape, $0.values) }
        let metadata = [
            "format": Self.format, "step": String(state.step), "config": configHash,
            "sha256": Self.digest(state.tensors),
        ]
        try SafeTensors(arrays: arrays, metadata: metadata).write(to: path(state.step), flush: flush)
        guard isOurs() else { return }
        let steps = try steps()
        for old in steps.filter({ $0 < state.step }).dropFirst() + steps.filter({ $0 > state.step }) {
            remove(path(old))
        }
    }

    /// The newest state that is whole; `refused` receives each that is not.
    ///
    /// - Throws: `FileError` if the folder cannot be listed.
    func newest(refused: (String) -> Void) throws(FileError) -> DecompositionState? {
        for step in try steps() {
            do {
                return try load(step)
            } catch {
                refused("\(path(step)) is skipped: \(error)")
            }
        }
        return nil
    }

    /// Removes all states.
    ///
    /// - Throws: `FileError` if the folder cannot be listed.
    func removeAll() throws(FileError) {
        for step in try steps() { remove(path(step)) }
    }

    private struct Damage: Error, CustomStringConvertible {
        let description: String
    }

    private func load(_ step: Int) throws -> DecompositionState {
        let file = try SafeTensors(contentsOf: path(step))
        guard file.metadata["format"] == Self.format, file.metadata["step"] == String(step) else {
            throw Damage(description: "it is not a checkpoint of step \(step)")
        }
        guard file.metadata["config"] == configHash else {
            throw Damage(description: "it belongs to another config")
        }
        let tensors = file.arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        guard file.metadata["sha256"] == Self.digest(tensors) else {
            throw Damage(description: "its checksum does not match")
        }
        return DecompositionState(step: step, tensors: tensors)
    }

    private static func digest(_ tensors: StateDict) -> String {
        var digest = SHA256()
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            Array(name.utf8).withUnsafeBytes { digest.update($0) }
            tensor.values.withUnsafeBytes { digest.update($0) }
        }
        return digest.finalized()
    }

    private func remove(_ path: String) {
        // A checkpoint that cannot be removed costs space, nothing else.
        _ = unlink(path)
    }
}
