import Artifacts
import Foundation
import JSON
import Kernels
public import Layout
import Metrics

/// A run's own metrics and observers, asked afterwards: the weights that `save_freq` has kept and the seed give the same
/// tensors again, so a step's values are those that the run logged, or would have.
public struct Afterwards {
    private let plan: RunPlan
    private let weights: RunFolder
    private let hooks: RunHooks

    /// Names the object under inspection.
    ///
    /// - Parameters:
    ///   - plan: The run's plan; its folder is where observers work and answers are kept.
    ///   - weights: The run's folder.
    ///   - hooks: What is said, and when to stop.
    public init(_ plan: RunPlan, weights: RunFolder, hooks: RunHooks) {
        self.plan = plan
        self.weights = weights
        self.hooks = hooks
    }

    /// The steps whose weights are there.
    ///
    /// - Throws: `FileError` if the folder cannot be listed.
    public func steps() throws -> [Int] {
        try FolderListing.names(in: weights.path).compactMap { name in
            // The published tool's have another form.
            RunFolder.step(ofModel: name).flatMap { weights.model(step: $0) == weights.path + "/" + name ? $0 : nil }
        }.sorted()
    }

    /// Looks at saved steps, one after another.
    ///
    /// - Parameters:
    ///   - wanted: The steps; all that are there if empty.
    ///   - line: Gets a line of JSON for each, as `metrics.jsonl` has them.
    /// - Throws: `RunError`, `KernelError`, `FileError` for what keeps the run's tensors from being made again.
    public func look(at wanted: [Int], _ line: (String) throws -> Void) throws {
        let present = try steps()
        if let missing = wanted.first(where: { !present.contains($0) }) {
            throw RunError.invalid(
                "\(weights.path) has no weights of step \(missing); there are "
                    + (present.isEmpty ? "none" : present.map(String.init).joined(separator: ", ")))
        }
        guard access(weights.path, F_OK) == 0 || errno != ENOENT else {
            throw RunError.invalid("\(weights.path) is gone: there are no weights to look at any more")
        }
        guard !present.isEmpty else {
            throw RunError.invalid(
                "\(weights.path) has no weights yet: save_freq keeps some on the way, the end of a run its last")
        }
        guard let target = try plan.targets.target(of: plan, hooks: hooks) else { return }
        let decomposition = try target.decomposition(plan.config, threads: plan.threads)
        var metrics = try UserMetricValues(plan.config, of: decomposition, say: hooks.say)
        let observers = try RunObservers(plan, of: decomposition, hooks: hooks, isAfterwards: true)
        defer { observers?.finish() }
        guard metrics != nil || observers != nil else {
            throw RunError.invalid("the run has no observers and no user_metrics; --observer names a program")
        }
        for step in wanted.isEmpty ? present : wanted where !hooks.shouldStop() {
            let saved = try PublishedWeights(path: weights.model(step: step))
            try decomposition.look(at: saved.tensors, step: step)
            var row = try metrics?.row(of: decomposition) ?? .init()
            let said = observers?.row(of: decomposition, figures: true, besides: row.names)
            row.numbers += said?.numbers ?? []
            let values = row.numbers.map { JSONValue.Member($0.name, .shortest($0.value)) }
            try line(
                JSONValue.object([.init("run", .string(plan.id)), .init(Metric.step.name, .number(step))] + values).text
            )
        }
    }
}
