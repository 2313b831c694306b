import HTTP
import JSON

// Artifacts: a version is created, its file and its manifest are put where the server says, then it is committed.
extension WandBAPI {
    /// A version of an artifact, as the server keeps it.
    struct ArtifactVersion: Equatable {
        let id: String
        /// Whether the server has all of it.
        let isCommitted: Bool
    }

    /// A manifest, and where its bytes may be put if they were asked for.
    struct ArtifactManifest {
        let id: String
        let ticket: UploadTicket?
    }

    /// The run that makes an artifact.
    struct ArtifactOwner {
        let entity: String
        let project: String
        let run: String

        fileprivate var names: [JSONValue.Member] {
            [
                .init("entityName", .string(entity)), .init("projectName", .string(project)),
                .init("runName", .string(run)),
            ]
        }
    }

    /// Creates a version of an artifact, or finds the one with this content.
    ///
    /// - Parameters:
    ///   - artifact: what it is called.
    ///   - digest: of its manifest.
    ///   - clientID: the version's id on this side.
    ///   - owner: the run that makes it.
    /// - Returns: the version, or why there is none.
    func createArtifact(
        _ artifact: SpooledArtifact, digest: String, clientID: String, owner: ArtifactOwner
    ) -> Reply<ArtifactVersion> {
        let alias = JSONValue.object([
            .init("artifactCollectionName", .string(artifact.collection)), .init("alias", .string("latest")),
        ])
        let input: [JSONValue.Member] =
            owner.names + [
                .init("artifactTypeName", .string(artifact.type)),
                .init("artifactCollectionName", .string(artifact.collection)), .init("aliases", .array([alias])),
                .init("digest", .string(digest)), .init("digestAlgorithm", .string("MANIFEST_MD5")),
                .init("historyStep", artifact.step.map { .number($0) } ?? .null), .init("clientID", .string(clientID)),
                .init("sequenceClientID", .string(artifact.sequenceClientID(run: owner.run))),
                .init("enableDigestDeduplication", .bool(true)),
            ]
        return graphQL(.createArtifact, variables: [.init("input", .object(input))]).flatMap { data in
            let version = data["createArtifact"]?["artifact"]
            guard let id = version?["id"]?.string, let state = version?["state"]?.string else {
                return .failure(CallFailure(.transient, "\(host) answered CreateArtifact without an artifact"))
            }
            return .success(ArtifactVersion(id: id, isCommitted: state == "COMMITTED"))
        }
    }

    /// Announces a version's manifest.
    ///
    /// - Parameters:
    ///   - artifact: the version's id.
    ///   - digest: the manifest's MD5 in base64; nil while it has no bytes yet, and no address is wanted.
    ///   - owner: the run that makes it.
    /// - Returns: the manifest, with an address if there is a digest.
    func createManifest(artifact: String, digest: String?, owner: ArtifactOwner) -> Reply<ArtifactManifest> {
        let variables: [JSONValue.Member] =
            owner.names + [
                .init("artifactID", .string(artifact)), .init("baseArtifactID", .null),
                .init("name", .string(ArtifactFile.manifestName)), .init("digest", .string(digest ?? "")),
                .init("manifestType", .string("FULL")), .init("includeUpload", .bool(digest != nil)),
            ]
        return graphQL(.createArtifactManifest, variables: variables).flatMap { data in
            let manifest = data["createArtifactManifest"]?["artifactManifest"]
            let ticket = UploadTicket.ticket(
                manifest?["file"], name: ArtifactFile.manifestName, baseURL: settings.baseURL)
            guard let id = manifest?["id"]?.string, digest == nil || ticket != nil else {
                return .failure(CallFailure(.transient, "\(host) answered CreateArtifactManifest without a manifest"))
            }
            return .success(ArtifactManifest(id: id, ticket: ticket))
        }
    }

    /// Asks where a version's file may be put.
    ///
    /// - Returns: nil if the server has these bytes.
    func createArtifactFile(_ file: ArtifactFile, artifact: String, manifest: String) -> Reply<UploadTicket?> {
        let specification = JSONValue.object([
            .init("artifactID", .string(artifact)), .init("artifactManifestID", .string(manifest)),
            .init("name", .string(file.name)), .init("md5", .string(file.digest)),
        ])
        let input = JSONValue.object([
            .init("artifactFiles", .array([specification])), .init("storageLayout", .string("V2")),
        ])
        return graphQL(.createArtifactFiles, variables: [.init("input", input)]).flatMap { data in
            guard let node = data["createArtifactFiles"]?["files"]?["edges"]?.elements?.first?["node"] else {
                return .failure(CallFailure(.transient, "\(host) answered CreateArtifactFiles without a file"))
            }
            return .success(UploadTicket.ticket(node, name: file.name, baseURL: settings.baseURL))
        }
    }

    /// States that a version is whole.
    func commitArtifact(_ artifact: String) -> Reply<Void> {
        graphQL(.commitArtifact, variables: [.init("artifactID", .string(artifact))]).map { _ in }
    }
}

extension GraphQLDocument {
    fileprivate static let createArtifact = GraphQLDocument(
        operationName: "CreateArtifact",
        text: """
            mutation CreateArtifact($input: CreateArtifactInput!) {
              createArtifact(input: $input) {
                artifact { id state artifactSequence { latestArtifact { id } } }
              }
            }
            """)

    fileprivate static let createArtifactManifest = GraphQLDocument(
        operationName: "CreateArtifactManifest",
        text: """
            mutation CreateArtifactManifest(
              $artifactID: ID!, $baseArtifactID: ID, $name: String!, $digest: String!, $entityName: String!,
              $projectName: String!, $runName: String!, $manifestType: ArtifactManifestType!, $includeUpload: Boolean!
            ) {
              createArtifactManifest(input: {
                artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name, digest: $digest,
                entityName: $entityName, projectName: $projectName, runName: $runName, type: $manifestType
              }) {
                artifactManifest {
                  id
                  file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) }
                }
              }
            }
            """)

    fileprivate static let createArtifactFiles = GraphQLDocument(
        operationName: "CreateArtifactFiles",
        text: """
            mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
              createArtifactFiles(input: $input) {
                files {
                  edges {
                    node {
                      storagePath uploadUrl uploadHeaders
                      uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
                      artifact { id }
                    }
                  }
                }
              }
            }
            """)

    fileprivate static let commitArtifact = GraphQLDocument(
        operationName: "CommitArtifact",
        text: """
            mutation CommitArtifact($artifactID: ID!) {
              commitArtifact(input: {artifactID: $artifactID}) { artifact { id digest } }
            }
            """)
}
