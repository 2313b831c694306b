import Artifacts
import Experiments
import Foundation
import Kernels

/// A step's tensors where an observer can map them: in shared memory, or in its folder if there is no room.
struct TensorFile {
    let path: String

    private static let memory = "/dev/shm"

    /// Writes tensors.
    ///
    /// - Parameters:
    ///   - tensors: The tensors, by their names in the file.
    ///   - run: The run's id, which the file's name begins with.
    ///   - folder: Where it goes if shared memory has no room.
    /// - Throws: `FileError`.
    init(_ tensors: [String: SafeTensors.Array], run: String, folder: String) throws(FileError) {
        let bytes = SafeTensors(arrays: tensors, metadata: ["format": "np"]).encoded()
        let name = "spd-\(run)-\(getpid())-\(UInt32.random(in: 0 ... .max)).safetensors"
        let shared = "\(Self.memory)/\(name)"
        if Self.room(in: Self.memory) > bytes.count + 64 << 20 {
            do throws(FileError) {
                try Self.write(bytes, to: shared)
                path = shared
                return
            } catch {
                // The folder has room, or says why not.
            }
        }
        path = "\(folder)/\(name)"
        try Self.write(bytes, to: path)
    }

    /// Removes the file; processes that have it mapped keep it.
    func remove() { unlink(path) }

    /// Removes the leftovers of this run's crash.
    static func removeLeftovers(of run: String, folder: String) {
        for place in [memory, folder] {
            // What cannot be listed costs room, nothing else.
            for name in (try? FolderListing.names(in: place)) ?? []
            where name.hasPrefix("spd-\(run)-") && name.hasSuffix(".safetensors") {
                let process = name.dropFirst("spd-\(run)-".count).prefix { $0 != "-" }
                // Any other process on this machine with this run's data has lost the run.
                guard let pid = pid_t(process), pid != getpid() else { continue }
                unlink("\(place)/\(name)")
            }
        }
    }

    private static func room(in folder: String) -> Int {
        var information = statvfs()
        guard statvfs(folder, &information) == 0 else { return 0 }
        return Int(information.f_bavail) * Int(information.f_frsize)
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(.create, path) }
        defer { close(descriptor) }
        do throws(FileError) { try DurableFile.writeAll(bytes, to: descriptor, path) } catch {
            unlink(path)
            throw error
        }
    }
}

extension ObservedParts {
    /// The parts that hold what an observer needs.
    init(_ needs: [ObserverConfig.Need]) {
        self = []
        for need in needs {
            switch need {
            case .batch: insert(.batch)
            case .targetOut: insert(.targetOutput)
            case .outUnmasked: insert(.unmaskedOutput)
            case .outMasked: insert(.maskedOutput)
            case .ci, .ciUpper: insert(.importances)
            case .V, .U: insert(.vectors)
            case .W: insert(.weights)
            }
        }
    }
}

extension Observation {
    /// The tensors that an observer needs, by their names in its file: `batch`, `ci/linear1`.
    ///
    /// - Parameters:
    ///   - needs: What it needs.
    ///   - hasTokens: Whether the batch holds tokens.
    /// - Returns: The tensors.
    func tensors(_ needs: [ObserverConfig.Need], hasTokens: Bool) -> [String: SafeTensors.Array] {
        var result: [String: SafeTensors.Array] = [:]
        func add(_ tensor: Tensor?, _ name: String) {
            if let tensor { result[name] = .init(shape: tensor.shape, tensor.values) }
        }
        func add(_ tensors: [String: Tensor], _ name: String) {
            for (module, tensor) in tensors { add(tensor, "\(name)/\(module)") }
        }
        for need in Set(needs) {
            switch need {
            case .batch where hasTokens:
                if let batch { result["batch"] = .init(shape: batch.shape, batch.values.map { Int64($0) }) }
            case .batch: add(batch, "batch")
            case .targetOut: add(targetOutput, "target_out")
            case .outUnmasked: add(unmaskedOutput, "out_unmasked")
            case .outMasked: add(maskedOutput, "out_masked")
            case .ci: add(ci, "ci")
            case .ciUpper: add(ciUpper, "ci_upper")
            case .V: add(v, "V")
            case .U: add(u, "U")
            case .W: add(w, "W")
            }
        }
        return result
    }
}
