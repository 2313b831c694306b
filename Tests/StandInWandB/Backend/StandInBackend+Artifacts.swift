import Artifacts
import Foundation

// Artifacts: a version is created, its file and its manifest are put, then it is committed.
extension StandInBackend {
    /// A version of an artifact.
    struct Artifact: Sendable {
        var collection: String
        var type: String
        var run: String
        var digest: String
        var clientID: String
        var isCommitted = false
        /// Files by their names in it, and its manifest.
        var files: [String: Data] = [:]
        var manifest: [String: Any]? {
            files["wandb_manifest.json"].flatMap { try? JSONSerialization.jsonObject(with: $0) as? [String: Any] }
        }
    }

    /// What the server keeps of them.
    struct Artifacts: Sendable {
        var versions: [Artifact] = []
        /// Upload addresses that were given out: the version, the file's name and its MD5 in base64.
        var tickets: [String: (version: Int, name: String, md5: String)] = [:]
        /// Whether the server knows artifacts at all.
        var isOffered = true
    }

    /// Answers an operation on artifacts; nil for any other.
    func artifacts(_ query: String, _ variables: [String: Any], host: String, _ state: inout State) -> Reply? {
        let steps = [
            ("createArtifact(", create), ("createArtifactManifest(", createManifest),
            ("createArtifactFiles(", createFiles), ("commitArtifact(", commit),
        ]
        guard let step = steps.first(where: { query.contains($0.0) })?.1 else { return nil }
        guard state.artifacts.isOffered else {
            return Reply(body: Data(#"{"errors":[{"message":"artifacts are not enabled"}],"data":null}"#.utf8))
        }
        guard let reply = step(variables, host, &state) else {
            state.violations.append("a bad operation on artifacts: \(query.prefix(60))")
            return Reply(status: 400)
        }
        return reply
    }

    private func create(_ variables: [String: Any], _ host: String, _ state: inout State) -> Reply? {
        guard let input = variables["input"] as? [String: Any], let run = input["runName"] as? String,
            let known = state.runs[run], input["entityName"] as? String == known.entity,
            input["projectName"] as? String == known.project, let type = input["artifactTypeName"] as? String,
            let collection = input["artifactCollectionName"] as? String, let digest = input["digest"] as? String,
            digest.count == 32, input["digestAlgorithm"] as? String == "MANIFEST_MD5",
            let clientID = input["clientID"] as? String, clientID.count == 128,
            (input["sequenceClientID"] as? String)?.count == 128,
            let alias = (input["aliases"] as? [[String: Any]])?.first, alias["alias"] as? String == "latest",
            alias["artifactCollectionName"] as? String == collection
        else { return nil }
        let index: Int
        if let found = state.artifacts.versions.firstIndex(where: {
            $0.clientID == clientID || ($0.collection == collection && $0.digest == digest)
        }) {
            index = found
        } else {
            index = state.artifacts.versions.count
            state.artifacts.versions.append(
                Artifact(collection: collection, type: type, run: run, digest: digest, clientID: clientID))
        }
        let version: [String: Any] = [
            "id": "artifact-\(index)", "state": state.artifacts.versions[index].isCommitted ? "COMMITTED" : "PENDING",
            "artifactSequence": ["latestArtifact": NSNull()],
        ]
        return answer(["createArtifact": ["artifact": version]])
    }

    private func createManifest(_ variables: [String: Any], _ host: String, _ state: inout State) -> Reply? {
        guard let index = version(variables["artifactID"], state),
            variables["name"] as? String == "wandb_manifest.json",
            variables["manifestType"] as? String == "FULL", let digest = variables["digest"] as? String,
            let includesUpload = variables["includeUpload"] as? Bool, includesUpload == !digest.isEmpty
        else { return nil }
        var file: [String: Any] = ["id": "file"]
        if includesUpload { file.merge(address(index, "wandb_manifest.json", digest, host, &state)) { $1 } }
        return answer([
            "createArtifactManifest": ["artifactManifest": ["id": "manifest-\(index)", "file": file] as [String: Any]]
        ])
    }

    private func createFiles(_ variables: [String: Any], _ host: String, _ state: inout State) -> Reply? {
        guard let input = variables["input"] as? [String: Any], input["storageLayout"] as? String == "V2",
            let file = (input["artifactFiles"] as? [[String: Any]])?.first,
            let index = version(file["artifactID"], state),
            file["artifactManifestID"] as? String == "manifest-\(index)", let name = file["name"] as? String,
            let md5 = file["md5"] as? String
        else { return nil }
        var node: [String: Any] = ["storagePath": "wandb_artifacts/\(index)", "artifact": ["id": "artifact-\(index)"]]
        node["uploadMultipartUrls"] = NSNull()
        node.merge(address(index, name, md5, host, &state)) { $1 }
        return answer(["createArtifactFiles": ["files": ["edges": [["node": node]]]]])
    }

    private func commit(_ variables: [String: Any], _ host: String, _ state: inout State) -> Reply? {
        guard let index = version(variables["artifactID"], state) else { return nil }
        let version = state.artifacts.versions[index]
        let contents = version.manifest?["contents"] as? [String: [String: Any]]
        for (name, entry) in contents ?? [:]
        where version.files[name]?.count != entry["size"] as? Int || entry["birthArtifactID"] == nil {
            state.violations.append("the manifest lists \(name), which is not there")
        }
        if contents?.isEmpty != false { state.violations.append("a version without a manifest") }
        state.artifacts.versions[index].isCommitted = true
        return answer(["commitArtifact": ["artifact": ["id": "artifact-\(index)", "digest": version.digest]]])
    }

    /// Takes a file of a version; nil where the address was given out for something else.
    func putArtifact(_ token: String, _ body: Data, _ state: inout State) -> Reply? {
        guard let ticket = state.artifacts.tickets[token] else { return nil }
        if Data(MD5.digest(Array(body))).base64EncodedString() != ticket.md5 {
            state.violations.append("\(ticket.name) is not what was announced")
        }
        state.artifacts.versions[ticket.version].files[ticket.name] = body
        return Reply()
    }

    private func version(_ id: Any?, _ state: State) -> Int? {
        guard let id = id as? String, id.hasPrefix("artifact-"), let index = Int(id.dropFirst("artifact-".count)),
            state.artifacts.versions.indices.contains(index)
        else { return nil }
        return index
    }

    private func address(
        _ version: Int, _ name: String, _ md5: String, _ host: String, _ state: inout State
    ) -> [String: Any] {
        let token = "artifact\(state.artifacts.tickets.count)"
        state.artifacts.tickets[token] = (version, name, md5)
        return ["uploadUrl": "http://\(host)/put/\(token)?X-Signature=secret", "uploadHeaders": ["X-Stand-In: yes"]]
    }
}
