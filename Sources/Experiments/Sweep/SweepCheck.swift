/// Checks a sweep against configs and collects what is wrong.
struct SweepCheck {
    let source: String
    let sampling: Sampling?
    private(set) var problems: [ConfigProblem]
    private(set) var targets: [PretrainedModel: TargetConfig] = [:]

    init(source: String, sampling: Sampling?, problems: [ConfigProblem]) {
        self.source = source
        self.sampling = sampling
        self.problems = problems
    }

    func finish() throws(ConfigError) {
        guard !problems.isEmpty else { return }
        // By line, so they come in the order of the file.
        let ordered = problems.enumerated().sorted {
            ($0.element.place?.line ?? .max, $0.offset) < ($1.element.place?.line ?? .max, $1.offset)
        }
        throw ConfigError(ordered.map(\.element))
    }

    /// Several experiments share the global parameters; what is wrong with those is reported once.
    mutating func report(_ cause: ConfigProblem.Cause, path: String, at place: SourcePlace?) {
        guard problems.count < ConfigError.limit else { return }
        let problem = ConfigProblem(source: source, place: place, path: path, cause: cause)
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// Checks that what the file asks for is what the user asks for.
    mutating func method(_ method: (name: SweepFile.Method, place: SourcePlace?)?) {
        guard let method else { return }
        switch (method.name, sampling) {
        case (.random, nil):
            let reason = "random needs a number of samples: --samples N, or 'run_cap: N'"
            report(.sweepForm(reason), path: SweepFile.methodName, at: method.place)
        case (.bayes, nil):
            let reason = "bayes needs a number of runs: --samples N, or 'run_cap: N'"
            report(.sweepForm(reason), path: SweepFile.methodName, at: method.place)
        case (.grid, _?):
            let reason = "grid takes every combination; leave out --samples, or write 'method: random'"
            report(.sweepForm(reason), path: SweepFile.methodName, at: method.place)
        default: break
        }
    }

    /// Checks that nothing is to be drawn where every combination is asked for; one hint is enough.
    mutating func distributions(of grid: SweepGrid) {
        guard sampling == nil else { return }
        let drawn = grid.axes.joined.first { $0.parameter.choice.list == nil }
        guard let parameter = drawn?.parameter else { return }
        let reason = "is drawn at random, which needs a number of samples: --samples N"
        guard !problems.contains(where: { $0.cause == .sweepForm(reason) || $0.path == SweepFile.methodName }) else {
            return
        }
        report(.sweepForm(reason), path: parameter.filePath, at: parameter.place)
    }

    /// Pairs each parameter with its field and checks each of its values.
    mutating func axes(_ groups: [SweepFile.Group], of experiment: Experiment) -> [SweepAxis] {
        groups.map { group in
            var columns: [SweepAxis.Column] = []
            for parameter in group.parameters {
                let fields = ExperimentConfig.fields
                guard let field = fields.field(at: parameter.path, in: experiment.config), field.inside == nil
                else {
                    report(unknown(parameter.path, experiment), path: parameter.filePath, at: parameter.place)
                    continue
                }
                switch parameter.choice {
                case .values(let values, _):
                    for (index, value) in values.enumerated() {
                        let isWhole = values.count == 1 && ExperimentConfig.compoundKeys.contains(parameter.path)
                        let place = isWhole ? "" : ".values[\(index)]"
                        check(value, of: field, in: experiment, path: parameter.filePath + place)
                    }
                case .drawn(let distribution, let isGuessed):
                    check(distribution, isGuessed, of: parameter, field, in: experiment.config)
                }
                columns.append(SweepAxis.Column(parameter: parameter, field: field))
            }
            return SweepAxis(columns: columns)
        }
    }

    private mutating func check(
        _ value: SourceNode, of field: Field<ExperimentConfig>, in experiment: Experiment, path: String
    ) {
        var reader = Reader(source: source)
        var config = experiment.config
        field.read(value, &config, &reader)
        for problem in reader.problems {
            let path = problem.path.isEmpty ? path : path + "." + problem.path
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

    /// Checks that a key takes what a distribution draws, as far as its bounds show.
    ///
    /// Every key that takes numbers takes 1.
    private mutating func check(
        _ distribution: Distribution, _ isGuessed: Bool, of parameter: SweepFile.Parameter,
        _ field: Field<ExperimentConfig>, in config: ExperimentConfig
    ) {
        func accepts(_ value: ConfigValue) -> Bool { field.takes(value, in: config) }
        func reject(_ reason: String, _ key: String = "") {
            report(.sweepForm(reason), path: parameter.filePath + key, at: parameter.place)
        }
        guard accepts(.int(1)) else { return reject("draws numbers, expected \(field.allowed)") }
        let takesFractions = accepts(.number(1))
        if isGuessed, takesFractions {
            return reject(
                "has whole bounds and takes fractions; write 'distribution: uniform' or 'distribution: int_uniform'")
        }
        if !takesFractions, case .number = distribution.value(at: 0.5) {
            return reject(
                "draws fractions, expected \(field.allowed); use int_uniform, or a distribution whose name begins "
                    + "with q_, and a whole q")
        }
        for (key, bound) in [(".min", distribution.bounds.lowest), (".max", distribution.bounds.highest)] {
            guard let bound, !accepts(bound) else { continue }
            reject("draws \(bound), expected \(field.allowed)" + distribution.adviceOnRefusal, key)
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
    mutating func paths(of groups: [SweepFile.Group]) {
        for parameter in groups.flatMap(\.parameters)
        where !ExperimentConfig.parameterPaths.contains(parameter.path) {
            report(unknown(parameter.path, nil), path: parameter.filePath, at: parameter.place)
        }
    }

    /// Checks a section whose experiment is not selected.
    mutating func unselected(_ section: SweepFile.Section, selected: [String]) {
        guard Registry.allNames.contains(section.name) else {
            let known = [SweepFile.globalName] + Registry.allNames
            let nearest = Spelling.nearest(to: section.name, among: known + selected)
            let cause = ConfigProblem.Cause.unknownName(
                kind: "experiment", name: section.name, nearest: nearest, known: known)
            // What nobody knows need not have the form of a section either.
            problems.removeAll { $0.path == section.name && $0.place == section.place }
            report(cause, path: section.name, at: section.place)
            return
        }
        do {
            _ = axes(section.groups, of: try Registry.experiment(named: section.name))
        } catch {
            problems += error.problems
        }
    }

    mutating func size(of grids: [SweepGrid], cap: Int?) {
        var total = 0
        var isCounted = true
        for grid in grids {
            let all = sampling.map { grid.axes.isEmpty ? 1 : $0.count } ?? grid.count
            let count = cap.map { min(all ?? .max, $0) } ?? all
            let (sum, overflows) = total.addingReportingOverflow(count ?? .max)
            isCounted = isCounted && count != nil && !overflows
            total = sum
        }
        guard !isCounted || total > SweepFile.specLimit else { return }
        let count = isCounted ? "\(total)" : "more than \(Int.max)"
        let advice = sampling == nil ? "name fewer values" : "take fewer samples"
        let reason = "the sweep has \(count) specs, the limit is \(SweepFile.specLimit); \(advice)"
        report(.sweepForm(reason), path: "", at: nil)
    }
}

extension [SweepAxis] {
    /// The columns of all axes.
    fileprivate var joined: [SweepAxis.Column] { flatMap(\.columns) }
}

extension Field where Root == ExperimentConfig {
    /// Whether the key takes a value.
    func takes(_ value: ConfigValue, in config: ExperimentConfig) -> Bool {
        var reader = Reader(source: "")
        var changed = config
        read(SourceNode(value), &changed, &reader)
        return reader.problems.isEmpty
    }
}
