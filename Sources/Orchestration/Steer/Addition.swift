import Artifacts
import Experiments
import Foundation
package import Store

/// Further specs for a job that is stored already.
package struct Addition {
    private let job: Job
    private let plan: SweepPlan
    private let state: OpenStore
    /// The submission's options that hold for the new specs too.
    private let kept: [String]

    /// What has come of it.
    package struct Result: Encodable {
        package let job: Int64
        package let added: Int
        /// How many the job has already.
        package let known: Int
        /// The submission's options that hold for them too.
        package let kept: [String]
        package let agentsAtWork: Int
        /// Whether the job hands out nothing until it is released.
        package let isHeld: Bool
    }

    /// Reads what to add.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - experiments: Names or files; none means those that the job has.
    ///   - sweep: The sweep file.
    ///   - settings: Values that hold for every spec, `key=value` each, besides those of the job's submission.
    ///   - samples: How many samples to draw; nil for every combination.
    ///   - seed: The seed of samples and searches; nil for the submission's.
    ///   - state: Where the job is.
    /// - Throws: ``Failure`` with what is wrong with the files; for another kind of target than the job's.
    package init(
        to job: Job, experiments: [String], sweep: String?, settings: [String], samples: Int?, seed: Int? = nil,
        in state: OpenStore
    ) throws {
        (self.job, self.state) = (job, state)
        let present = try state.store.experiments(of: job.id)
        let names = try experiments.isEmpty ? [Self.names(present, of: job)] : experiments
        let secrets = Secrets(state.environment)
        try SweepPlan.refuse(secrets, experiments: names, sweep: sweep, settings: settings)
        plan = try SweepPlan(
            experiments: names, sweep: sweep, settings: settings,
            after: .init(settings: job.settings, sweepSeed: job.sweepSeed),
            sampling: samples.map { Sampling(count: $0, seed: seed ?? job.sweepSeed ?? 0) }, seed: seed,
            project: job.project, runs: state.cache.runs)
        try plan.refuse(secrets)
        kept =
            plan.settings.filter { !settings.contains($0) }.map { "--set \($0)" }
            + (seed == nil && plan.sampling != nil ? job.sweepSeed.map { ["--sweep-seed \($0)"] } ?? [] : [])
        let kinds = Set(present.compactMap(\.task))
        for draft in plan.drafts where !kinds.isEmpty && !kinds.contains(draft.config.taskConfig.name) {
            throw Failure.badInput(
                "job \(job.id) decomposes targets of the kind \(kinds.sorted().joined(separator: ", ")); "
                    + "\(draft.experiment) is of the kind \(draft.config.taskConfig.name): submit it as a separate job"
            )
        }
    }

    /// The job's experiments, if all of them can be found again by their names.
    private static func names(_ present: [JobExperiment], of job: Job) throws(Failure) -> String {
        let known = Registry.allNames
        if let own = present.first(where: { !known.contains($0.name) }) {
            throw .badInput(
                "job \(job.id) uses your own experiment \(own.name): name its file with --experiments")
        }
        return present.map(\.name).joined(separator: ",")
    }

    /// Valid but probably unintended settings.
    package var doubts: [String] { plan.doubts }

    /// Stores those specs that the job does not have yet, all or none.
    ///
    /// - Throws: What keeps targets from being copied or the specs from being stored; then nothing is.
    package func perform() throws -> Result {
        let (cache, environment) = (state.cache, state.environment)
        try RemoteTargets(cache: cache, environment: environment).fetch(plan.remoteTargets)
        try plan.checkDownloads(in: cache.runs)
        var targets = TargetCopies(in: cache)
        let worker = try Program.worker(environment: environment)
        let specs = try LanguageModels(worker: worker, cache: cache, environment: environment)
            .taking(TextCopies(in: cache).taking(try targets.taking(plan.specs), of: plan.drafts), of: plan.drafts)
        let added = try state.store.add(specs, to: job.id) {
            guard let sweep = plan.sweepFile else { return }
            // Next to the job's own, for the record.
            let copy = job.folder.addedSweep(String(UUID().uuidString.prefix(8)))
            try FileCopy.make(of: sweep, at: copy, mode: 0o644)
        }
        let alive = try state.store.agents(of: job.id).filter { $0.state != .ended && !$0.isGone(in: job) }
        return Result(
            job: job.id.rawValue, added: added, known: specs.count - added, kept: kept,
            agentsAtWork: alive.count, isHeld: job.held != nil)
    }
}
