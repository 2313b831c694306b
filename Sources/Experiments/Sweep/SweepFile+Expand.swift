extension SweepFile {
    /// The most specs that one sweep may have; more is a slip.
    public static let specLimit = 1_000_000

    /// The runs of experiments under this sweep, experiment after experiment.
    ///
    /// Without `sampling` they are the product of the parameters' values, where a `zip` counts as one parameter; the
    /// first of the file varies slowest. With it, each spec draws every parameter on its own: numbers from their
    /// distributions, lists and zips evenly; what `method: bayes` draws so are the runs that it begins with. An
    /// experiment's values take the place of the global ones at the same path; its further parameters come after.
    ///
    /// - Parameters:
    ///   - experiments: The selected experiments; the file may name others, which are checked and left out.
    ///   - asked: How many samples to draw for each experiment; nil takes every combination.
    ///   - seed: The seed where the file itself says how many samples there are.
    ///   - others: Names of selected experiments that could not be read, which the file may mention too.
    /// - Returns: The specs, ordered.
    /// - Throws: Everything that is wrong with the file, including values that the configs reject.
    public func expand(
        experiments: [Experiment], sampling asked: Sampling? = nil, seed: Int = 0, besides others: [String] = []
    ) throws(ConfigError) -> [SpecDraft] {
        let sampling = sampling(asked, seed: seed)
        let selected = experiments.map(\.name) + others
        let named = sections.filter { selected.contains($0.name) }
        var check = SweepCheck(
            source: source, sampling: sampling, problems: problems + named.flatMap { $0.problemsOfHolder ?? [] })
        check.method(method)
        check.results(of: self)
        var grids: [SweepGrid] = []
        for experiment in experiments {
            let section = sections.first { $0.name == experiment.name }
            let groups = merged(with: section?.groups ?? [])
            grids.append(SweepGrid(experiment: experiment, axes: check.axes(groups, of: experiment)))
        }
        for section in sections where !selected.contains(section.name) && section.problemsOfHolder == nil {
            check.unselected(section, selected: selected)
        }
        if experiments.isEmpty { check.paths(of: global) }
        for grid in grids { check.distributions(of: grid) }
        if method?.name == .bayes {
            for grid in grids { check.search(grid) }
        }
        check.size(of: grids, cap: results.runCap?.count)
        try check.finish()

        var specs: [SpecDraft] = []
        for grid in grids {
            let start = specs.count
            check.specs(of: grid, cap: results.runCap?.count, addingTo: &specs)
            if start < specs.count {
                check.metric(of: self, loggedBy: specs[start].config, of: specs[start].experiment)
            }
        }
        try check.finish()
        return specs
    }

    /// How many samples are drawn: the user's number, or the file's run cap for a method that draws.
    public func sampling(_ asked: Sampling?, seed: Int) -> Sampling? {
        guard let cap = results.runCap?.count, let name = method?.name, name != .grid else { return asked }
        return Sampling(count: min(asked?.count ?? cap, cap), seed: asked?.seed ?? seed)
    }

    /// The global parameters and an experiment's own: these take the place of those at the same path.
    func merged(with own: [Group]) -> [Group] {
        var waiting = own
        var merged: [Group] = []
        for group in global {
            let rest = group.parameters.filter { parameter in
                !own.contains { $0.parameters.contains { $0.path == parameter.path } }
            }
            if !rest.isEmpty {
                merged.append(Group(parameters: rest))
            } else if let index = waiting.firstIndex(where: { waiter in
                waiter.parameters.contains { $0.path == group.parameters.first?.path }
            }) {
                merged.append(waiting.remove(at: index))
            }
        }
        return merged + waiting
    }
}

/// Parameters that vary together, each known to exist and its listed values to be right on their own.
struct SweepAxis {
    struct Column {
        let parameter: SweepFile.Parameter
        let field: Field<ExperimentConfig>
    }

    let columns: [Column]

    /// How many values there are to choose from; nil if numbers are drawn.
    var count: Int? {
        columns.first.flatMap { column in
            if case .values(let values, _) = column.parameter.choice { values.count } else { nil }
        }
    }
}

/// One experiment and what varies.
struct SweepGrid {
    let experiment: Experiment
    let axes: [SweepAxis]

    /// How many combinations there are, or nil beyond what an integer holds.
    var count: Int? {
        axes.reduce(1) { count, axis in
            count.flatMap {
                let (product, overflows) = $0.multipliedReportingOverflow(by: axis.count ?? 1)
                return overflows ? nil : product
            }
        }
    }
}
