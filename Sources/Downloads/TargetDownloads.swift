internal import Artifacts
public import Experiments
import Foundation
import Layout
public import WandB

/// Targets trained on W&B, kept in a folder as the published tool lays it out: `<project>-<id>` for each run.
///
/// Such a folder is complete or missing. The first process that needs a target downloads it, others wait.
public struct TargetDownloads: Sendable {
    private let folder: String
    private let settings: WandBSettings
    private let limit: Duration

    /// Names the folder without touching it.
    ///
    /// - Parameters:
    ///   - folder: The cache's `runs`.
    ///   - settings: The server and the key; without a key only what is there is available.
    ///   - limit: How long a download may take.
    public init(folder: String, settings: WandBSettings, limit: Duration = .seconds(600)) {
        self.folder = folder
        self.settings = settings
        self.limit = limit
    }

    /// Where the files of a run are, or will be.
    public func place(of run: WandBRunReference) -> String { "\(folder)/\(run.project)-\(run.id)" }

    /// Whether a run's files are there.
    public func hasFiles(of run: WandBRunReference) -> Bool {
        FileManager.default.fileExists(atPath: place(of: run))
    }

    /// The folder with a target's files, downloaded if it does not exist.
    ///
    /// - Parameters:
    ///   - run: The run that trained the target.
    ///   - check: Throws if the files in a folder, readable as they are, are no target; they are not kept then.
    ///   - say: Hears lines for people.
    ///   - shouldStop: Asked every now and then; true gives up.
    /// - Returns: The folder; nil if asked to stop first.
    /// - Throws: `TargetDownloadError`.
    public func fetch(
        _ run: WandBRunReference, check: (String) throws -> Void = { _ in }, say: (String) -> Void,
        shouldStop: @escaping @Sendable () -> Bool
    ) throws(TargetDownloadError) -> String? {
        let place = place(of: run)
        if !hasFiles(of: run) {
            let lock: FileLock?
            do throws(FileError) {
                try DurableFile.createFolder(folder)
                lock = try FileLock.waiting(
                    for: Aside.lock(of: place),
                    tell: { say("waits for another process that downloads \(PretrainedModel.wandb(run))") },
                    shouldStop: shouldStop)
            } catch {
                throw TargetDownloadError(run: run, reason: .notKept("\(error)"))
            }
            guard let lock else { return nil }
            defer { lock.release() }
            do throws(TargetDownloadError.Reason) {
                if !hasFiles(of: run) {
                    try download(run, to: place, check: check, say: say, shouldStop: shouldStop)
                }
            } catch {
                if error == .unavailable(.interrupted) { return nil }
                throw TargetDownloadError(run: run, reason: error)
            }
        }
        if let other = RemoteTarget.entity(ofFilesIn: place), let entity = run.entity, other != entity {
            let advice = "it is \(other)'s run of that name; delete the folder to have \(entity)'s"
            throw TargetDownloadError(run: run, reason: .unusable("\(place) holds another target: \(advice)"))
        }
        return place
    }

    private func download(
        _ run: WandBRunReference, to place: String, check: (String) throws -> Void, say: (String) -> Void,
        shouldStop: @escaping @Sendable () -> Bool
    ) throws(TargetDownloadError.Reason) {
        say("downloads \(PretrainedModel.wandb(run))")
        let target = try RemoteTarget(run, settings: settings, limit: limit, isCancelled: shouldStop)
        let aside: Aside
        do throws(FileError) {
            // Only the lock's holder gets here: whatever is there was cut short.
            try Aside.removeUnfinished(of: place)
            aside = try Aside(for: place)
        } catch {
            throw .notKept("\(error)")
        }
        defer { aside.discard() }
        do throws(FileError) {
            for file in target.files { try DurableFile.write(file.bytes, to: "\(aside.path)/\(file.name)") }
        } catch {
            throw .notKept("\(error)")
        }
        do {
            try target.check(in: aside.path)
            try check(aside.path)
        } catch {
            // The folder's name would mean nothing to the user.
            throw .unusable("\(error)".replacing(aside.path + "/", with: ""))
        }
        do throws(FileError) { try aside.publish(as: place) } catch { throw .notKept("\(error)") }
    }
}
