import Experiments
import Runs
import Store
import WandB

extension AgentLoop {
    /// Starts the tracking of a claim's run as the config, the job and the environment say.
    func tracker(
        of claim: Claim, plan: RunPlan, log: RunLog
    ) throws(WandBSettingsError) -> RunTracker {
        var settings = options.tracking
        let project = job.project ?? plan.config.wandbProject
        // The published tool tracks nothing where the config names no project.
        if project == nil { settings.mode = .disabled }
        let named = plan.config.wandbRunName.map { plan.config.wandbRunNamePrefix + $0 }
        let tags = [plan.config.taskConfig.name, plan.experiment, job.token] + settings.tags
        let description = try RunDescription(
            id: claim.run.rawValue, entity: settings.entity, project: project ?? "spd",
            displayName: settings.name ?? named, config: claim.spec.config, tags: tags,
            group: settings.group ?? job.token, jobType: settings.jobType, notes: settings.notes,
            host: AgentIdentity.thisHost, program: "spd")
        return RunTracker(
            run: description, folder: plan.folder.path + "/wandb", settings: settings, notify: { log.say($0) }
        )
    }
}
