import HTTP

/// A version of an artifact on its way, one request a step.
struct ArtifactUpload {
    /// What the next request is for.
    enum Phase {
        case create
        case announce(artifact: String)
        case findAddress(artifact: String, manifest: String)
        case putFile(artifact: String, manifest: String, UploadTicket)
        case findManifestAddress(artifact: String)
        case putManifest(artifact: String, UploadTicket)
        case commit(artifact: String)
    }

    let artifact: SpooledArtifact
    let name: String
    let path: String
    /// Read when its turn has come.
    var file: ArtifactFile?
    var phase = Phase.create
    /// Refusals in a row.
    var refusals = 0

    /// After this many refusals the server counts as one without artifacts.
    static let attempts = 4
}

// Artifacts come after a run's files, which hold the same bytes: a server that takes none costs the run nothing.
extension RunSender {
    /// Makes the next request for an artifact, if one waits.
    ///
    /// - Returns: whether there was one.
    func uploadArtifact(_ now: ContinuousClock.Instant) throws(SpoolError) -> Bool {
        guard var upload = uploads.artifacts.first else { return false }
        guard let run = try folder.run() else { throw .noRun(path: folder.path) }
        guard artifactTrouble == nil, let file = upload.file ?? ArtifactFile(name: upload.name, path: upload.path)
        else {
            uploads.artifacts.removeFirst()
            return true
        }
        upload.file = file
        let owner = WandBAPI.ArtifactOwner(
            entity: position.entity, project: position.project, run: run.description.id)
        switch advance(upload, file, owner, now) {
        case .success(let next):
            succeeded()
            uploads.succeeded()
            upload.refusals = 0
            if let next {
                upload.phase = next
                uploads.artifacts[0] = upload
            } else {
                uploads.artifacts.removeFirst()
            }
        case .failure(let failure):
            noteArtifact(failure, &upload, now)
        }
        return true
    }

    /// The step after the present one; nil once the server has the version.
    private func advance(
        _ upload: ArtifactUpload, _ file: ArtifactFile, _ owner: WandBAPI.ArtifactOwner, _ now: ContinuousClock.Instant
    ) -> WandBAPI.Reply<ArtifactUpload.Phase?> {
        switch upload.phase {
        case .create:
            let clientID = upload.artifact.clientID(run: owner.run, name: upload.name)
            return api.createArtifact(
                upload.artifact, digest: file.versionDigest, clientID: clientID, owner: owner
            ).map { $0.isCommitted ? nil : .announce(artifact: $0.id) }
        case .announce(let artifact):
            return api.createManifest(artifact: artifact, digest: nil, owner: owner)
                .map { .findAddress(artifact: artifact, manifest: $0.id) }
        case .findAddress(let artifact, let manifest):
            return api.createArtifactFile(file, artifact: artifact, manifest: manifest).map { ticket in
                ticket.map { .putFile(artifact: artifact, manifest: manifest, $0) }
                    ?? .findManifestAddress(artifact: artifact)
            }
        case .putFile(let artifact, _, let ticket):
            return api.upload(.file(path: file.path), to: ticket, meanwhile: { [self] in goOnBesideUpload(now) })
                .map { .findManifestAddress(artifact: artifact) }
        case .findManifestAddress(let artifact):
            let digest = ArtifactFile.base64MD5(file.manifest(artifact: artifact))
            return api.createManifest(artifact: artifact, digest: digest, owner: owner)
                .map { $0.ticket.map { .putManifest(artifact: artifact, $0) } }
        case .putManifest(let artifact, let ticket):
            return api.upload(.bytes(file.manifest(artifact: artifact)), to: ticket, meanwhile: {})
                .map { .commit(artifact: artifact) }
        case .commit(let artifact):
            return api.commitArtifact(artifact).map { nil }
        }
    }

    private func noteArtifact(_ failure: CallFailure, _ upload: inout ArtifactUpload, _ now: ContinuousClock.Instant) {
        waitWithUploads(failure, now)
        switch failure.kind {
        case .refused, .missing, .tooLarge:
            upload.refusals += 1
            if upload.refusals >= ArtifactUpload.attempts {
                artifactTrouble = failure.description
                uploads.succeeded()
            }
        case .transient, .unreachable, .cancelled: break
        }
        // Addresses expire.
        switch upload.phase {
        case .putFile(let artifact, let manifest, _) where failure.kind == .refused:
            upload.phase = .findAddress(artifact: artifact, manifest: manifest)
        case .putManifest(let artifact, _) where failure.kind == .refused:
            upload.phase = .findManifestAddress(artifact: artifact)
        default: break
        }
        uploads.artifacts[0] = upload
    }
}
