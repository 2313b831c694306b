import JSON

/// A chart or browser on a W&B page.
struct Panel: Sendable, Equatable {
    /// What is drawn.
    enum Content: Sendable, Equatable {
        /// Metrics over steps.
        case lines([String], isLog: Bool = false)
        /// All metrics whose names a regular expression matches, over steps.
        case matching(regex: String)
        /// Images that runs log under these names.
        case media([String], columns: Int)
    }

    /// Where it lies in a grid 24 wide.
    struct Layout: Sendable, Equatable {
        var x = 0
        var y = 0
        var width = 8
        var height = 6
    }

    var content: Content
    var title: String?
    var layout = Layout()

    /// The panel as a view's spec holds it; `id` is unique on its page.
    func spec(id: String) -> JSONValue {
        [
            "__id__": .string(id),
            "layout": [
                "x": .number(layout.x), "y": .number(layout.y), "w": .number(layout.width),
                "h": .number(layout.height),
            ],
            "viewType": .string(viewType), "config": .object(config),
        ]
    }

    private var viewType: String {
        switch content {
        case .lines, .matching: "Run History Line Plot"
        case .media: "Media Browser"
        }
    }

    private var config: [JSONValue.Member] {
        var config: [JSONValue.Member] = title.map { [.init("chartTitle", .string($0))] } ?? []
        switch content {
        case .lines(let metrics, let isLog):
            config += [.init("xAxis", "_step"), .init("metrics", .array(metrics.map { .string($0) }))]
            if isLog { config.append(.init("yLogScale", true)) }
        case .matching(let regex):
            config += [
                .init("xAxis", "_step"), .init("metrics", []), .init("metricRegex", .string(regex)),
                .init("useMetricRegex", true),
            ]
        case .media(let keys, let columns):
            config += [
                .init("columnCount", .number(columns)), .init("mediaKeys", .array(keys.map { .string($0) })),
            ]
        }
        return config
    }
}

/// The panels that show a decomposition, by the names its run logs.
enum DecompositionPanels {
    /// A group of panels with a heading.
    struct Section: Equatable {
        let name: String
        let panels: [Panel]
    }

    /// The panel grid of an experiment in a report, as the published tool lays it out.
    static func grid(task: String) -> [Panel] {
        var importances = self.importances
        importances.layout = .init(width: 24, height: 12)
        return placed([importances]) + placed([reconstruction, faithfulness, minimality], below: 12)
            + (task == "lm" ? placed(divergences, below: 18) : [])
    }

    /// The sections of an experiment's workspace.
    static func sections(task: String) -> [Section] {
        var sections = [
            Section(
                name: "Losses",
                panels: [
                    allReconstructions, faithfulness, minimality,
                    Panel(content: .lines(["loss/total"], isLog: true)),
                ]),
            Section(
                name: "Causal importances",
                panels: [
                    importances,
                    Panel(content: .media(["causal_importances"], columns: 3), title: "Lower leaky"),
                    Panel(content: .media(["UV_matrices"], columns: 3), title: "Subcomponents' vectors"),
                    Panel(content: .media(["mean_component_activation_counts"], columns: 3), title: "Mean activations"),
                ]),
            Section(
                name: "Subcomponents",
                panels: [
                    Panel(content: .matching(regex: ".*/ci_l0"), title: "L0 of the causal importances"),
                    Panel(content: .matching(regex: ".*/n_alive_01"), title: "Alive subcomponents"),
                ]),
        ]
        switch task {
        case "tms":
            sections.append(
                Section(
                    name: "Recovery",
                    panels: [Panel(content: .lines(["mmcs"])), Panel(content: .lines(["ml2r"]))]))
        case "residual_mlp":
            sections.append(
                Section(
                    name: "Recovery",
                    panels: [
                        Panel(content: .lines(["features_with_one_mlp_in"])),
                        Panel(content: .lines(["mlp_out_in_use"])),
                    ]))
        case "lm": sections.append(Section(name: "Divergence from the target", panels: divergences))
        default: break
        }
        sections.append(
            Section(
                name: "Optimisation",
                panels: [
                    Panel(content: .lines(["misc/lr"])), Panel(content: .lines(["misc/grad_norm"], isLog: true)),
                ]))
        return sections
    }

    private static let importances = Panel(
        content: .media(["causal_importances_upper_leaky"], columns: 6), title: "Causal importances")
    private static let reconstruction = Panel(
        content: .lines(["loss/stochastic_recon_layerwise", "loss/stochastic_recon"], isLog: true),
        title: "Stochastic reconstruction")
    /// Few configs have the losses without noise, which have no panel of their own: it would be empty for the others.
    private static let allReconstructions = Panel(
        content: .lines(
            [
                "loss/stochastic_recon_layerwise", "loss/stochastic_recon", "loss/recon", "loss/recon_layerwise",
                "loss/output_recon",
            ], isLog: true),
        title: "Reconstruction")
    private static let faithfulness = Panel(
        content: .lines(["loss/faithfulness"], isLog: true), title: "Faithfulness")
    private static let minimality = Panel(
        content: .lines(["loss/importance_minimality"]), title: "Importance minimality")
    private static let divergences = [
        Panel(content: .lines(["misc/masked_kl_loss_vs_target"]), title: "KL divergence, masked"),
        Panel(content: .lines(["misc/unmasked_kl_loss_vs_target"]), title: "KL divergence, unmasked"),
    ]

    /// Panels side by side in one row.
    private static func placed(_ row: [Panel], below y: Int = 0) -> [Panel] {
        var x = 0
        return row.map { panel in
            var panel = panel
            panel.layout.x = x
            panel.layout.y = y
            x += panel.layout.width
            return panel
        }
    }
}
