extension SweepCheck {
    /// Adds the specs of a grid to others; combinations that are wrong as a whole, and numbers that were drawn and are not
    /// taken, are reported.
    mutating func specs(of grid: SweepGrid, cap: Int?, addingTo specs: inout [SpecDraft]) {
        let count = min(sampling.map { grid.axes.isEmpty ? 1 : $0.count } ?? grid.count ?? 0, cap ?? .max)
        specs.reserveCapacity(specs.count + count)
        var rejected: [Conflict: (first: SpecDraft, count: Int)] = [:]
        var refused = RefusedDraws(count: count)
        for number in 0..<count {
            let values = sampling.map { grid.sample(number, from: $0) } ?? grid.combination(number)
            let spec = spec(values, of: grid, &refused)
            for conflict in spec.config.conflicts + spec.config.conflicts(decomposing: spec.target) {
                rejected[conflict, default: (spec, 0)].count += 1
            }
            specs.append(spec)
        }
        for (parameter, reason) in refused.reasons {
            report(.sweepForm(reason), path: parameter.filePath, at: parameter.place)
        }
        for (conflict, combinations) in rejected.sorted(by: { $0.key.key < $1.key.key }) {
            let others = combinations.count > 1 ? " and \(combinations.count - 1) more combinations" : ""
            let overrides = combinations.first.overrides
            let culprit = overrides.first { $0.place(of: conflict.key) != nil }
            // What is wrong inside a value has its own line.
            let isInside = culprit.map { $0.path != conflict.key } ?? false
            let example = isInside ? "" : " (with \(text(of: overrides))\(others))"
            let column = grid.axes.lazy.flatMap(\.columns).first { $0.parameter.path == conflict.key }
            let place = isInside ? culprit?.place(of: conflict.key) ?? nil : column?.parameter.place
            report(
                .conflict("\(conflict.key): \(conflict.reason)\(example)"), path: grid.experiment.name, at: place)
        }
    }

    func spec(_ values: [SourceNode], of grid: SweepGrid, _ refused: inout RefusedDraws) -> SpecDraft {
        var config = grid.experiment.config
        var overrides: [SpecDraft.Override] = []
        overrides.reserveCapacity(values.count)
        var reader = Reader(source: source)
        for (column, value) in zip(grid.axes.lazy.flatMap(\.columns), values) {
            let before = reader.problems.count
            column.field.read(value, &config, &reader)
            if reader.problems.count > before { refused.note(value, of: column) }
            overrides.append(
                SpecDraft.Override(
                    path: column.parameter.path, value: value.value, isVaried: column.parameter.choice.isVaried,
                    place: value.place ?? column.parameter.place,
                    inside: ExperimentConfig.compoundKeys.contains(column.parameter.path) ? value : nil))
        }
        let isOwnTarget = config.pretrainedModelPath == grid.experiment.config.pretrainedModelPath
        let target = isOwnTarget ? grid.experiment.target : config.pretrainedModelPath.flatMap { targets[$0] }
        return SpecDraft(
            grid.experiment, config: config, target: target, overrides: overrides, sweep: source)
    }

    private func text(of overrides: [SpecDraft.Override]) -> String {
        overrides.map { "\($0.path): \($0.value)" }.joined(separator: ", ")
    }
}

/// Numbers that came out of a distribution without bounds and that the key does not take.
struct RefusedDraws {
    let count: Int
    private var draws: [String: (column: SweepAxis.Column, first: ConfigValue, count: Int)] = [:]

    init(count: Int) { self.count = count }

    mutating func note(_ value: SourceNode, of column: SweepAxis.Column) {
        draws[column.parameter.path, default: (column, value.value, 0)].count += 1
    }

    var reasons: [(SweepFile.Parameter, String)] {
        draws.sorted { $0.key < $1.key }.map { _, draw in
            (
                draw.column.parameter,
                "\(draw.count) of \(count) samples draw what the key does not take, the first \(draw.first); "
                    + "expected \(draw.column.field.allowed)"
            )
        }
    }
}

extension SweepGrid {
    /// The values of one combination, the last axis fastest.
    fileprivate func combination(_ number: Int) -> [SourceNode] {
        var values: [SourceNode] = []
        var stride = count ?? 1
        for axis in axes {
            guard let count = axis.count else { continue }
            stride /= count
            values += axis.values(number / stride % count)
        }
        return values
    }

    /// The values of one sample: numbers by their distributions, lists evenly or by their probabilities.
    fileprivate func sample(_ number: Int, from sampling: Sampling) -> [SourceNode] {
        values(at: axes.map { sampling.uniform(path: $0.stream, sample: number) })
    }

    /// The values of a point: one number between 0 and 1 for each axis.
    func values(at point: [Double]) -> [SourceNode] {
        zip(axes, point).flatMap { axis, uniform in
            guard let first = axis.columns.first else { return [SourceNode]() }
            switch first.parameter.choice {
            case .drawn(let distribution, _):
                return [SourceNode(distribution.value(at: uniform), place: first.parameter.place)]
            case .values(let values, nil):
                return axis.values(min(Int(uniform * Double(values.count)), values.count - 1))
            case .values(let values, let probabilities?):
                var sum = 0.0
                let index = probabilities.firstIndex {
                    sum += $0
                    return uniform < sum
                }
                // Probabilities may add up to a little less than one; the last that is possible takes the rest.
                return axis.values(index ?? probabilities.lastIndex { $0 > 0 } ?? values.count - 1)
            }
        }
    }
}

extension SweepAxis {
    /// The name of its random numbers.
    var stream: String { columns.map(\.parameter.path).joined(separator: ",") }

    /// The values at one place of the lists.
    fileprivate func values(_ index: Int) -> [SourceNode] {
        columns.compactMap { column in
            if case .values(let values, _) = column.parameter.choice { values[index] } else { nil }
        }
    }
}
