import Experiments
import Foundation
import JSON
import Slurm
import Store

extension Submission {
    /// What `submit --dry-run` prints.
    ///
    /// - Parameters:
    ///   - estimate: What it costs.
    ///   - arrays: The arrays that the agents make on SLURM.
    ///   - style: How it is coloured.
    /// - Returns: The text.
    /// - Throws: What keeps agents from being started in this folder.
    package func preview(
        _ estimate: Estimate, arrays: [(script: String, agents: Int)], _ style: TerminalStyle
    ) throws(Failure) -> String {
        var lines = ["Would store one job: \(plural(plan.specs.count, "spec"))."]
        if let note = plan.duplicatesNote { lines.append(note + ".") }
        if let search = plan.search { lines += search.lines }
        lines += [""] + estimate.lines(style) + ["", "Folder: \(cache.jobs)/N"]
        lines += RemoteTargets(cache: cache, environment: environment).preview(plan.remoteTargets)
        switch executor.kind {
        case .local:
            let slots = request.options.slots == .auto ? "slots by trial" : plural(parallelism.slots, "slot")
            lines.append(
                "Would start \(plural(agentCount, "local agent")) (\(executor.reason)): \(slots) each, "
                    + "\(plural(parallelism.threads, "thread")) per run.")
        case .slurm:
            let sizes = arrays.map { String($0.agents) }.joined(separator: ", ")
            lines.append(
                arrays.count == 1
                    ? "Would call sbatch (\(executor.reason)) with this script:"
                    : "Would call sbatch \(arrays.count) times (\(executor.reason)), for arrays of \(sizes) agents; "
                        + "the first script:")
            lines.append("")
            lines.append(try previewScript(agents: arrays[0].agents))
        }
        lines.append("Nothing was stored or started (--dry-run).")
        return lines.joined(separator: "\n") + "\n"
    }

    /// What `submit --dry-run --json` prints.
    package func previewJSON(_ estimate: Estimate, arrays: [(script: String, agents: Int)]) throws -> String {
        let script = try arrays.first.map { try previewScript(agents: $0.agents) }
        return try JSONText.encode(
            Preview(
                specs: plan.specs.count, duplicates: plan.duplicates, executor: executor.kind.rawValue,
                agents: agentCount, script: script, estimate: estimate.report))
    }

    /// What the job will cost; times that no finished run shows are measured for a moment.
    package func estimate() throws(Failure) -> Estimate {
        let store: Store?
        do throws(StoreError) {
            store = try Store.existing(cache, for: .looking)
        } catch {
            guard case .missing = error else { throw Failure(error) }
            store = nil
        }
        let isTracked = environment["WANDB_MODE"] != "disabled"
        return try Estimate(
            plan, parallelism, store: store, runs: cache.runs, isTracked: isTracked,
            room: memoryRoom,
            place: StoragePlace(holding: cache.path), memory: memory
        ) { () throws(Failure) in
            StepTimer(
                worker: try Program.worker(environment: environment), environment: environment,
                threads: parallelism.threads)
        }
    }

    /// Compares the memory that the specs need with what there is for each, as their agents will.
    ///
    /// - Returns: What will not go well, of each experiment.
    /// - Throws: ``Failure`` if none of the specs fits.
    package func checkMemory() throws(Failure) -> [String] {
        let room = memoryRoom
        var needs: [MemoryNeed?] = []
        for part in plan.parts {
            needs.append(
                try MemoryNeed(of: plan.drafts[part.range], threads: parallelism.threads, room: room) {
                    drafts throws(Failure) in
                    do throws(Failure) { return try memory(of: drafts) } catch {
                        if error == .interrupted { throw error }
                        // What the worker can't know now, it tells the agent later.
                        return drafts.map { _ in nil }
                    }
                })
        }
        try MemoryNeed.check(needs, room, executor: executor.kind)
        return zip(needs, plan.parts).compactMap { $0?.warning(of: $1.experiment, room) }
    }

    private var memoryRoom: MemoryRoom? {
        MemoryRoom(
            executor: executor.kind, options: request.options, threads: parallelism.threads, environment: environment)
            ?? defaultMemory
    }

    /// The memory that runs of language models take.
    private func memory(of drafts: [SpecDraft]) throws(Failure) -> [Int?] {
        guard !drafts.isEmpty else { return [] }
        let worker = try Program.worker(environment: environment)
        return try LanguageModels(worker: worker, cache: cache, environment: environment).memory(of: drafts)
    }

    private var parallelism: Parallelism {
        Parallelism(agents: agentCount, executor: executor.kind, options: request.options)
    }

    private func previewScript(agents: Int) throws(Failure) -> String {
        let job = JobID(rawValue: 0)
        let layout = JobFolder(path: "\(cache.jobs)/N")
        var script = try script(for: job, layout, agents: agents)
        script.command = layout.command(for: job).dropLast() + ["N"]
        return script.text
    }

    private struct Preview: Encodable {
        let specs: Int
        let duplicates: Int
        let executor: String
        let agents: Int
        let script: String?
        let estimate: Estimate.Report

        private enum Key: CodingKey { case specs, duplicates, executor, agents, script }

        func encode(to encoder: any Encoder) throws {
            try estimate.encode(to: encoder)
            var own = encoder.container(keyedBy: Key.self)
            try own.encode(specs, forKey: .specs)
            try own.encode(duplicates, forKey: .duplicates)
            try own.encode(executor, forKey: .executor)
            try own.encode(agents, forKey: .agents)
            try own.encodeIfPresent(script, forKey: .script)
        }
    }
}
