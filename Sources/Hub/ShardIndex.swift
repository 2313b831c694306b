import Artifacts
import JSON

/// What a `model.safetensors.index.json` says: the files that a model's weights are spread over, and what each holds.
public struct ShardIndex: Sendable, Equatable {
    /// Each file's tensors, by its name.
    public let tensors: [String: Set<String>]

    /// The files, in order.
    public var files: [String] { tensors.keys.sorted() }

    /// Reads an index.
    ///
    /// - Throws: `HubError` with the key if it cannot be read, is malformed or leads elsewhere.
    public init(contentsOf path: String) throws(HubError) {
        let map: JSONValue?
        do {
            map = try JSONValue(parsing: DurableFile.read(path, limit: 64 << 20))["weight_map"]
        } catch let error as FileError {
            throw HubError(.unusable, "\(error)")
        } catch {
            throw HubError(.unusable, "\(path): \(error)")
        }
        guard case .object(let members)? = map, !members.isEmpty else {
            throw HubError(.unusable, "\(path): expected 'weight_map', an object that names each tensor's file")
        }
        var tensors: [String: Set<String>] = [:]
        for member in members {
            // A name becomes a path below the model's folder.
            guard let file = member.value.string, !file.isEmpty, !file.contains("/") else {
                throw HubError(
                    .unusable,
                    "\(path): weight_map: '\(member.name)': expected the name of a file in the same folder")
            }
            tensors[file, default: []].insert(member.name)
        }
        self.tensors = tensors
    }
}
