extension SweepFile {
    /// The most specs that one sweep may have; more is a slip.
    public static let specLimit = 1_000_000

    /// The runs of experiments under this sweep: for each experiment in turn, the product of its parameters' values.
    ///
    /// The first parameter of the file varies slowest. An experiment's values take the place of the global ones at
    /// the same path; its further parameters come after.
    ///
    /// - Parameter experiments: The selected experiments; the file may name others, which are checked and left out.
    /// - Returns: The specs, ordered.
    /// - Throws: Everything that is wrong with the file, including values that the configs reject.
    public func expand(experiments: [Experiment]) throws(ConfigError) -> [SpecDraft] {
        var check = SweepCheck(source: source, problems: problems)
        var grids: [Grid] = []
        for experiment in experiments {
            let section = sections.first { $0.name == experiment.name }
            let parameters = merged(with: section?.parameters ?? [])
            grids.append(Grid(experiment: experiment, axes: check.axes(parameters, of: experiment)))
        }
        for section in sections where !experiments.contains(where: { $0.name == section.name }) {
            check.unselected(section, selected: experiments)
        }
        if experiments.isEmpty { check.paths(of: global) }
        check.size(of: grids)
        try check.finish()

        var specs: [SpecDraft] = []
        for grid in grids {
            specs += check.specs(of: grid)
        }
        try check.finish()
        return specs
    }

    private func merged(with own: [Parameter]) -> [Parameter] {
        let replaced = global.map { parameter in own.first { $0.path == parameter.path } ?? parameter }
        return replaced + own.filter { parameter in !global.contains { $0.path == parameter.path } }
    }
}

/// One parameter's values, each known to be right by itself.
private struct Axis {
    let path: String
    let field: Field<ExperimentConfig>
    let values: [SourceNode]
}

/// One experiment and the parameters that vary.
private struct Grid {
    let experiment: Experiment
    let axes: [Axis]

    /// How many specs the grid has, or nil beyond what an integer holds.
    var count: Int? {
        axes.reduce(1) { count, axis in
            count.flatMap {
                let (product, overflows) = $0.multipliedReportingOverflow(by: axis.values.count)
                return overflows ? nil : product
            }
        }
    }
}

/// Checks a sweep against configs and collects what is wrong.
private struct SweepCheck {
    let source: String
    private(set) var problems: [ConfigProblem]
    private var targets: [PretrainedModel: TargetConfig] = [:]

    init(source: String, problems: [ConfigProblem]) {
        self.source = source
        self.problems = problems
    }

    func finish() throws(ConfigError) {
        guard !problems.isEmpty else { return }
        // By line, so that they are met in the order of the file.
        let ordered = problems.enumerated().sorted {
            ($0.element.place?.line ?? .max, $0.offset) < ($1.element.place?.line ?? .max, $1.offset)
        }
        throw ConfigError(ordered.map(\.element))
    }

    /// Several experiments share the global parameters; what is wrong with those is told once.
    private mutating func report(_ cause: ConfigProblem.Cause, path: String, at place: SourcePlace?) {
        guard problems.count < ConfigError.limit else { return }
        let problem = ConfigProblem(source: source, place: place, path: path, cause: cause)
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// Pairs each parameter with its field and checks each of its values.
    mutating func axes(_ parameters: [SweepFile.Parameter], of experiment: Experiment) -> [Axis] {
        var axes: [Axis] = []
        for parameter in parameters {
            let fields = ExperimentConfig.fields
            guard let field = fields.field(at: parameter.path, in: experiment.config), field.inside == nil
            else {
                report(unknown(parameter.path, experiment), path: parameter.filePath, at: parameter.place)
                continue
            }
            for (index, value) in parameter.values.enumerated() {
                check(value, of: field, in: experiment, path: parameter.filePath + ".values[\(index)]")
            }
            axes.append(Axis(path: parameter.path, field: field, values: parameter.values))
        }
        return axes
    }

    private mutating func check(
        _ value: SourceNode, of field: Field<ExperimentConfig>, in experiment: Experiment, path: String
    ) {
        var reader = Reader(source: source)
        var config = experiment.config
        field.read(value, &config, &reader)
        for problem in reader.problems {
            report(problem.cause, path: path, at: problem.place ?? value.place)
        }
        guard case .train(let name) = config.pretrainedModelPath, reader.problems.isEmpty,
            config.pretrainedModelPath != experiment.config.pretrainedModelPath
        else { return }
        do {
            if let target = try Registry.target(named: name, folder: experiment.folder) {
                targets[.train(name)] = target
            } else {
                report(Registry.unknownTarget(name), path: path, at: value.place)
            }
        } catch {
            problems += error.problems.filter { !problems.contains($0) }
        }
    }

    private func unknown(_ path: String, _ experiment: Experiment?) -> ConfigProblem.Cause {
        let known =
            experiment.map { ExperimentConfig.fields.paths(in: $0.config) }
            ?? ExperimentConfig.parameterPaths
        let inside = known.filter { $0.hasPrefix(path + ".") }
        if !inside.isEmpty {
            return .sweepForm("holds several keys; name one of them: \(inside.joined(separator: ", "))")
        }
        if let experiment, ExperimentConfig.parameterPaths.contains(path) {
            let task = experiment.config.taskConfig.name
            return .sweepForm("is not a parameter of \(experiment.name), whose task is \(task)")
        }
        return .unknownName(
            kind: "parameter", name: path, nearest: Spelling.nearest(to: path, among: known), known: [])
    }

    /// Checks that parameters exist for some task.
    mutating func paths(of parameters: [SweepFile.Parameter]) {
        for parameter in parameters where !ExperimentConfig.parameterPaths.contains(parameter.path) {
            report(unknown(parameter.path, nil), path: parameter.filePath, at: parameter.place)
        }
    }

    /// Checks a section whose experiment is not selected.
    mutating func unselected(_ section: SweepFile.Section, selected: [Experiment]) {
        guard Registry.names.contains(section.name) else {
            let known = [SweepFile.globalName] + Registry.names
            let nearest = Spelling.nearest(to: section.name, among: known + selected.map(\.name))
            let cause = ConfigProblem.Cause.unknownName(
                kind: "experiment", name: section.name, nearest: nearest, known: known)
            report(cause, path: section.name, at: section.place)
            return
        }
        do {
            _ = axes(section.parameters, of: try Registry.experiment(named: section.name))
        } catch {
            problems += error.problems
        }
    }

    mutating func size(of grids: [Grid]) {
        var total = 0
        var isCounted = true
        for grid in grids {
            let (sum, overflows) = total.addingReportingOverflow(grid.count ?? .max)
            isCounted = isCounted && grid.count != nil && !overflows
            total = sum
        }
        guard !isCounted || total > SweepFile.specLimit else { return }
        let count = isCounted ? "\(total)" : "more than \(Int.max)"
        let reason = "the sweep has \(count) specs, the limit is \(SweepFile.specLimit); name fewer values"
        report(.sweepForm(reason), path: "", at: nil)
    }

    /// The specs of a grid, last parameter fastest; combinations that are wrong as a whole are reported.
    mutating func specs(of grid: Grid) -> [SpecDraft] {
        let count = grid.count ?? 0
        var specs: [SpecDraft] = []
        specs.reserveCapacity(count)
        var rejected: [Conflict: (first: String, count: Int)] = [:]
        for number in 0..<count {
            let spec = spec(number, of: grid)
            let mismatch = spec.target?.conflicts(with: spec.config) ?? []
            for conflict in spec.config.conflicts + mismatch {
                rejected[conflict, default: (text(of: spec.overrides), 0)].count += 1
            }
            specs.append(spec)
        }
        for (conflict, combinations) in rejected.sorted(by: { $0.key.key < $1.key.key }) {
            let others = combinations.count > 1 ? " and \(combinations.count - 1) more combinations" : ""
            let cause = "\(conflict.key): \(conflict.reason) (with \(combinations.first)\(others))"
            report(.conflict(cause), path: grid.experiment.name, at: nil)
        }
        return specs
    }

    private func spec(_ number: Int, of grid: Grid) -> SpecDraft {
        var config = grid.experiment.config
        var reader = Reader(source: source)
        var overrides: [SpecDraft.Override] = []
        var stride = grid.count ?? 1
        for axis in grid.axes {
            stride /= axis.values.count
            let value = axis.values[number / stride % axis.values.count]
            axis.field.read(value, &config, &reader)
            overrides.append(SpecDraft.Override(path: axis.path, value: value.value))
        }
        let isOwnTarget = config.pretrainedModelPath == grid.experiment.config.pretrainedModelPath
        let target = isOwnTarget ? grid.experiment.target : config.pretrainedModelPath.flatMap { targets[$0] }
        return SpecDraft(
            experiment: grid.experiment.name, config: config, target: target, overrides: overrides)
    }

    private func text(of overrides: [SpecDraft.Override]) -> String {
        overrides.map { "\($0.path): \($0.value)" }.joined(separator: ", ")
    }
}
