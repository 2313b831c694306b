import Analysis
import Artifacts
import Experiments
import JSON
import Kernels

/// The numbers behind the figures of a toy model's decomposition.
struct ToyFigureCase {
    let files: FigureCase
    let threads: Int
    private let name: String
    /// The modules as the case lists them.
    private let listed: [String]
    let model: TargetModel
    private let target: any FeatureAnalysedTarget
    let training: TargetConfig
    let config: ExperimentConfig
    let tensors: StateDict
    private let batches: GivenFile
    let decomposition: FeatureDecomposition

    /// Reads a case.
    ///
    /// - Parameters:
    ///   - file: The target's file.
    ///   - training: The target's training config, as far as its weights need one.
    ///   - target: The target.
    ///   - files: The other files.
    ///   - threads: Threads to compute with.
    /// - Throws: What is missing or wrong.
    init(
        _ file: GivenFile, _ training: TargetConfig, _ target: any FeatureAnalysedTarget, files: FigureCase,
        threads: Int
    ) throws {
        (self.files, self.threads) = (files, threads)
        (self.training, self.target, model) = (training, target, target.model)
        config = try ExperimentConfig.load(yaml: file.metadata("config"), source: file.path + " (config)")
        tensors = try files.decomposition()
        batches = try files.file("batches.safetensors")
        decomposition = try Self.decomposition(
            of: model, training, config, tensors: tensors, threads: threads)
        name = file.contents.metadata["case"] ?? ""
        if let text = file.contents.metadata["modules"] {
            guard let names = try JSONValue(parsing: text).elements?.compactMap(\.string) else {
                throw RunError.invalid("\(file.path): its metadata 'modules' are no list of names: \(text)")
            }
            listed = names
        } else {
            listed = decomposition.moduleNames
        }
    }

    /// A decomposition with given subcomponents and gates, whose sizes are theirs.
    static func decomposition(
        of model: TargetModel, _ training: TargetConfig, _ config: ExperimentConfig, tensors: StateDict, threads: Int
    ) throws -> FeatureDecomposition {
        try .given(
            tensors, of: model, data: try training.data(config, features: model.features), config, threads: threads)
    }

    func numbers() throws -> FigureCaseNumbers {
        var numbers = FigureCaseNumbers(case: name)
        numbers.set("modules", .strings(listed))
        try addCore(&numbers)
        try target.addNumbers(to: &numbers, of: self)
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
