import Artifacts
import Experiments
import Foundation
import Runs
import Store
import WandB

extension AgentLoop {
    /// Starts the tracking of a claim's run as the config, the job and the environment say.
    ///
    /// - Parameters:
    ///   - kept: The claim, which knows whether the run is still this attempt's.
    ///   - plan: What its run does.
    ///   - log: Takes what there is to say.
    /// - Returns: The tracking; files that are known beforehand are on their way.
    /// - Throws: A project, name or tag that W&B does not take.
    func tracker(
        of kept: HeldClaim, plan: RunPlan, log: RunLog
    ) throws(WandBSettingsError) -> RunTracker {
        let claim = kept.claim
        var settings = options.tracking
        let project = job.project ?? plan.config.wandbProject.map { settings.project ?? $0 }
        // The published tool tracks nothing if the config names no project.
        if project == nil { settings.mode = .disabled }
        let place = SlurmPlace(environment: ProcessInfo.processInfo.environment)
        let own = [plan.config.taskConfig.kind.tag, plan.experiment, job.token]
        let array = place.arrayJob.map { ["slurm-array-job-id_\($0)"] } ?? []
        var checkout: JobCheckout?
        // A missing link is no reason not to train.
        do throws(FileError) { checkout = settings.tellsCommit ? try job.checkout() : nil } catch {
            log.say("W&B will not link the commit: \(error)")
        }
        let description = try RunDescription(
            id: claim.run.rawValue, entity: settings.entity, project: project ?? "spd",
            displayName: settings.name ?? plan.config.runName(target: plan.target), config: claim.spec.config,
            tags: (own + array + settings.tags).map { String($0.prefix(RunDescription.maximumTagLength)) },
            group: settings.group ?? job.token, jobType: settings.jobType, notes: settings.notes,
            host: AgentIdentity.thisHost, program: "worker", commit: checkout?.commit,
            repository: checkout?.remote)
        let tracker = RunTracker(
            run: description, folder: plan.folder.spool, settings: settings,
            offlineFolders: options.offlineFolders, isHeld: { kept.ownership == .ours }, notify: { log.say($0) })
        let sweep = job.folder.sweep
        if FileManager.default.fileExists(atPath: sweep) { tracker.upload(sweep, as: "sweep_params.yaml") }
        let changes = job.folder.diff
        if settings.tellsChanges, FileManager.default.fileExists(atPath: changes) {
            tracker.upload(changes, as: "diff.patch")
        }
        return tracker
    }
}
