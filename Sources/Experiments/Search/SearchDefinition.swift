private import Foundation
package import Search

/// A search as stored with its specs: everything an agent needs to continue it.
public struct SearchDefinition: Codable, Sendable, Equatable {
    /// What messages call the sweep file, and its text.
    let source, text: String
    /// The `key=value` pairs that hold for every spec.
    let settings: [String]
    let seed: Int

    /// Describes the search of a sweep file.
    ///
    /// - Parameters:
    ///   - file: The file, as it was read.
    ///   - settings: The `key=value` pairs that hold for every spec.
    ///   - seed: The seed of what is drawn.
    public init(_ file: SweepFile, settings: [String], seed: Int) {
        (source, text, self.settings, self.seed) = (file.source, file.text, settings, seed)
    }

    /// Reads the stored form.
    ///
    /// - Throws: For text that is damaged.
    public init(json: String) throws {
        self = try JSONDecoder().decode(SearchDefinition.self, from: Data(json.utf8))
    }

    /// The stored form: the same search gives the same text.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    private func sweep() throws(ConfigError) -> SweepFile {
        let file = try SweepFile.load(yaml: text, source: source)
        return settings.isEmpty ? file : try SweepFile.setting(settings, in: file)
    }

    /// How runs are compared.
    public func searchSettings() throws(ConfigError) -> SearchSettings? { try sweep().searchSettings }
}

/// A config that a search has chosen.
public struct ChosenConfig: Sendable, Equatable {
    /// The whole config, and what the search set, as they are stored.
    public let config, overrides: String
    /// The run's length.
    public let steps: Int
    /// Where it lies among all that can be chosen.
    public let point: [Double]
}

extension SearchDefinition {
    /// What is known about a search when its next config is chosen.
    public struct State: Sendable {
        /// The experiment, the config of one of its specs and how its target is trained, as they are stored.
        public let experiment, config: String
        /// How its target is trained, if it is.
        public let target: String?
        /// The place among the search's specs of the one that is to get a config, from 0.
        public let number: Int
        /// The configs that were chosen before, in the order of their specs.
        package let trials: [Trial]
        /// What those have set, as stored.
        public let taken: Set<String>

        package init(
            experiment: String, config: String, target: String?, number: Int, trials: [Trial], taken: Set<String>
        ) {
            (self.experiment, self.config, self.target, self.number) = (experiment, config, target, number)
            (self.trials, self.taken) = (trials, taken)
        }
    }

    /// Chooses the next config: a function of the search and its state alone.
    ///
    /// - Returns: One that can be run and that nobody has been given yet.
    /// - Throws: For a stored text that cannot be read any more.
    public func choose(_ state: State) throws(ConfigError) -> ChosenConfig {
        let stored = try StoredSpec(config: state.config, target: state.target, source: source)
        let target = stored.target
        let experiment = Experiment(name: state.experiment, config: stored.config, target: target, source: source)
        let sweep = try sweep()
        var check = SweepCheck(source: source, sampling: nil, problems: [])
        let own = sweep.sections.first { $0.name == experiment.name }?.groups ?? []
        let grid = SweepGrid(experiment: experiment, axes: check.axes(sweep.merged(with: own), of: experiment))
        try check.finish()
        let search = BayesianSearch(grid.axes.map(\.dimension), streams: grid.axes.map(\.stream), seed: seed)
        let candidates = search.candidates(state.number, after: state.trials)
        var refused = RefusedDraws(count: 1)
        func chosen(_ draft: SpecDraft, _ point: [Double]) -> ChosenConfig {
            ChosenConfig(
                config: draft.config.json(), overrides: draft.overridesJSON, steps: draft.config.steps, point: point)
        }
        for point in candidates {
            let before = refused.reasons.count
            let draft = check.spec(grid.values(at: point), of: grid, &refused)
            guard refused.reasons.count == before, !state.taken.contains(draft.overridesJSON),
                draft.config.conflicts.isEmpty, draft.config.conflicts(decomposing: target).isEmpty,
                draft.config.obstacles(decomposing: target).isEmpty
            else { continue }
            return chosen(draft, point)
        }
        // What was drawn at random for this spec when the search was submitted, and found to be right then.
        let point = search.drawn(state.number)
        return chosen(check.spec(grid.values(at: point), of: grid, &refused), point)
    }
}

extension SweepAxis {
    /// How a search sees it: lists of increasing or decreasing numbers are ordered, others are not.
    fileprivate var dimension: SearchDimension {
        guard let first = columns.first else { return .choice(1) }
        switch first.parameter.choice {
        case .drawn(let distribution, _):
            return distribution.levels.map(SearchDimension.ordered) ?? .number
        case .values(let values, _):
            let numbers = values.compactMap { value -> Double? in
                switch value.value {
                case .int(let int): Double(int)
                case .number(let number): number
                default: nil
                }
            }
            let isOrdered =
                columns.count == 1 && numbers.count == values.count
                && (zip(numbers, numbers.dropFirst()).allSatisfy(<) || zip(numbers, numbers.dropFirst()).allSatisfy(>))
            return isOrdered ? .ordered(values.count) : .choice(values.count)
        }
    }
}
