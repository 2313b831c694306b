import Analysis
import Artifacts
import Experiments
import JSON
import Kernels

/// The numbers behind the figures of a toy model's decomposition.
struct ToyFigureCase {
    private let files: FigureCase
    private let threads: Int
    private let name: String
    /// The modules as the case lists them.
    private let listed: [String]
    private let model: TargetModel
    private let training: TargetConfig
    private let config: ExperimentConfig
    private let tensors: StateDict
    private let batches: GivenFile
    private let decomposition: FeatureDecomposition

    init(_ target: GivenFile, files: FigureCase, threads: Int) throws {
        (self.files, self.threads) = (files, threads)
        (training, model) = try target.toyModel()
        config = try ExperimentConfig.load(yaml: target.metadata("config"), source: target.path + " (config)")
        tensors = try files.decomposition()
        batches = try files.file("batches.safetensors")
        decomposition = try Self.decomposition(
            of: model, training, config, tensors: tensors, threads: threads)
        name = target.contents.metadata["case"] ?? ""
        if let text = target.contents.metadata["modules"] {
            guard let names = try JSONValue(parsing: text).elements?.compactMap(\.string) else {
                throw RunError.invalid("\(target.path): its metadata 'modules' are no list of names: \(text)")
            }
            listed = names
        } else {
            listed = decomposition.moduleNames
        }
    }

    /// A decomposition with given subcomponents and gates, whose sizes are theirs.
    private static func decomposition(
        of model: TargetModel, _ training: TargetConfig, _ config: ExperimentConfig, tensors: StateDict, threads: Int
    ) throws -> FeatureDecomposition {
        try .given(
            tensors, of: model, data: try training.data(config, features: model.features), config, threads: threads)
    }

    func numbers() throws -> FigureCaseNumbers {
        var numbers = FigureCaseNumbers(case: name)
        numbers.set("modules", .strings(listed))
        try addCore(&numbers)
        switch model {
        case .tms(let target): numbers.add(target, tensors)
        case .residualMLP(let target):
            try numbers.add(target, tensors)
            try addStudy(&numbers)
        }
        return numbers
    }

    private func addCore(_ numbers: inout FigureCaseNumbers) throws {
        let modules = decomposition.moduleNames
        let ofBatch = try decomposition.causalImportances(of: batches.tensor("batch"))
        var evaluations: [FeatureDecomposition.CausalImportances] = []
        while batches.contents.arrays["eval.\(evaluations.count)"] != nil {
            evaluations.append(
                try decomposition.causalImportances(of: batches.tensor("eval.\(evaluations.count)")))
        }
        let ofFeatures = try decomposition.causalImportances(of: decomposition.oneFeatureAtATime)
        var (l0, alive, active): ([JSONValue.Member], [JSONValue.Member], [JSONValue.Member]) = ([], [], [])
        for module in modules {
            guard let ci = ofBatch.ci[module], let upper = ofBatch.ciUpper[module],
                let lowerMap = ofFeatures.ci[module],
                let upperMap = ofFeatures.ciUpper[module]
            else { continue }
            let activity = Activity(evaluations.compactMap { $0.ci[module] })
            l0.append(.init(module, .number(Activity.l0(ci))))
            alive.append(.init(module, .number(Activity.alive(ci))))
            active.append(.init(module, .number(activity.meanActive)))
            numbers.add("core", "ci.\(module)", ci)
            numbers.add("core", "ci_upper.\(module)", upper)
            numbers.add(EqualBins(ci.values), "core.ci_histogram.\(module)")
            numbers.add(
                "core", "activation.\(module)", Tensor(shape: [activity.fractions.count], values: activity.fractions))
            numbers.add(EqualBins(activity.fractions), "core.activation_histogram.\(module)")
            for (kind, map) in [("ci", lowerMap), ("ci_upper", upperMap)] {
                let order = ColumnOrder(map)
                numbers.add("core", "feature_\(kind).\(module)", map)
                numbers.add("core", "feature_\(kind)_shown.\(module)", map.columns(order.columns))
                numbers.add(
                    order, "core", name: "core.order.\(kind).\(module)",
                    unique: "core.order_is_unique.\(kind).\(module)")
            }
        }
        numbers.set("ci_l0", .object(l0))
        numbers.set("n_alive_01_per_module", .object(alive))
        numbers.set(
            "figure_keys",
            .strings(
                listed.map { "mask_vals_" + $0.replacing(".", with: "_") } + [
                    "mean_component_activation_counts", "causal_importances", "causal_importances_upper_leaky",
                    "UV_matrices",
                ]))
        numbers.set("mean_n_active_per_row", .object(active))
        numbers.set("activation_panel_order", .strings(registrationOrder(modules)))
        numbers.addHeatMaps(ofFeatures, tensors, modules: modules)
    }

    /// The published model's own order, where hidden layers come after both linear ones.
    private func registrationOrder(_ modules: [String]) -> [String] {
        modules.filter { !$0.hasPrefix("hidden_layers.") } + modules.filter { $0.hasPrefix("hidden_layers.") }
    }

    /// The coefficient study: the other runs' files, and this decomposition where the numbers leave a gap.
    private func addStudy(_ numbers: inout FigureCaseNumbers) throws {
        let stem = "coefficient_study_"
        let given = try files.names(beginningWith: stem).compactMap { name in
            Int(name.dropFirst(stem.count).prefix { $0 != "." }).map { ($0, name) }
        }.sorted { $0.0 < $1.0 }
        guard let last = given.last?.0 else { return }
        let gaps = (0...last + 1).filter { number in !given.contains { $0.0 == number } }
        var runs: [(number: Int, coefficient: Double, tensors: StateDict)] = try given.map { number, name in
            let file = try files.file(name)
            guard let coefficient = Double(try file.metadata("importance_minimality_coeff")) else {
                throw RunError.invalid("\(name): its importance_minimality_coeff is not a number")
            }
            return (number, coefficient, Self.withoutU(file.contents, like: tensors))
        }
        let own = gaps[0]
        runs.append((own, config.importanceMinimalityCoeff, tensors))
        runs.sort { $0.number < $1.number }
        for run in runs {
            let decomposition = try Self.decomposition(
                of: model, training, config, tensors: run.tensors, threads: threads)
            let maps = try decomposition.causalImportances(of: decomposition.oneFeatureAtATime).ciUpper
            for (module, map) in maps {
                var shown = map.columns(ColumnOrder(map).columns)
                for place in shown.values.indices { shown.values[place] = min(shown.values[place], 1) }
                numbers.add(
                    "analysis", whole: "resid.study.\(run.number).\(module)", .init(shape: shown.shape, shown.values))
            }
        }
        numbers.addStudyWords(runs.map { ($0.number, $0.coefficient) }, own: own, modules: decomposition.moduleNames)
    }

    /// A run of which V and the gates are given: U has no part in causal importances.
    private static func withoutU(_ contents: SafeTensors, like own: StateDict) -> StateDict {
        var tensors = contents.arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        for (name, v) in tensors where name.hasSuffix(".V") {
            let u = String(name.dropLast()) + "U"
            guard tensors[u] == nil, let outputs = own[u]?.shape.last else { continue }
            tensors[u] = Tensor(zeros: [v.shape[1], outputs])
        }
        return tensors
    }
}

extension FeatureDecomposition {
    /// A decomposition with given subcomponents and gates, whose sizes are theirs.
    ///
    /// - Throws: `RunError`, `KernelError` for what does not fit together.
    static func given(
        _ tensors: StateDict, of model: TargetModel, data: SparseFeatures, _ config: ExperimentConfig, threads: Int
    ) throws -> FeatureDecomposition {
        var settings = try DecompositionSettings(config)
        let given = GivenSubcomponents(tensors)
        settings.modulePatterns = given.modules
        (settings.subcomponents, settings.gateNeurons) = (given.subcomponents, given.gateNeurons)
        settings.interpolatesGates = false
        let decomposition = try FeatureDecomposition(target: model, data: data, settings: settings, threads: threads)
        try decomposition.setTrainedTensors(tensors)
        return decomposition
    }
}

/// What a decomposition's tensors say about its sizes.
struct GivenSubcomponents {
    /// The decomposed modules, by name.
    let modules: [String]
    let subcomponents: Int
    /// The neurons of a gate; 0 if gates are linear.
    let gateNeurons: Int

    init(_ tensors: StateDict) {
        modules = tensors.keys.filter { $0.hasPrefix("components.") && $0.hasSuffix(".V") }
            .map { String($0.dropFirst("components.".count).dropLast(2)) }.sorted()
        subcomponents = modules.first.flatMap { tensors["components.\($0).V"]?.shape.last } ?? 0
        gateNeurons = modules.first.flatMap { tensors["gates.\($0).mlp_in"]?.shape.last } ?? 0
    }
}

extension FigureCase {
    /// The tensors of all files of a decomposition.
    func decomposition() throws -> StateDict {
        let names = try names(beginningWith: "decomposition")
        guard !names.isEmpty else { throw RunError.invalid("there is no decomposition.safetensors") }
        return try tensors(of: names)
    }

    /// The tensors of some files together: large decompositions come in a file per module.
    func tensors(of names: [String]) throws -> StateDict {
        try names.reduce(into: StateDict()) { tensors, name in
            tensors.merge(try file(name).tensors("")) { first, _ in first }
        }
    }
}
