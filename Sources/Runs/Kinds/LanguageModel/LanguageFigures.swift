import Analysis
import Figures
import Kernels

/// The figures of a decomposed language model: which text activates which subcomponent.
struct LanguageFigures: Sendable {
    private let modules: [ImportancePicture.Module]
    private let text: TokenBatch
    private let names: TokenNames

    /// This many subcomponents of a module are shown with their places, most active first.
    private static let subcomponents = 10
    /// Each with this many places.
    private static let places = 2
    /// Tokens before and behind a place.
    private static let context = 5
    /// This many positions of the first row are listed with what is active there.
    private static let positions = 20
    /// An embedding's map shows this many tokens: more are less than a pixel.
    private static let tokens = 300

    init(_ picture: ImportancePicture, text: TokenBatch, names: TokenNames) {
        modules = picture.modules
        self.text = text
        self.names = names
    }

    /// All of them; those of the embedding where it is decomposed.
    var all: [Figure] {
        let words = modules.filter { $0.importances.count == text.tokens.count * $0.activations.count }
        return [summary] + words.map(examples) + (words.isEmpty ? [] : [activePerToken(words)])
            + modules.compactMap { module in module.tokens.map { embedding(module, $0) } }
            + modules.compactMap { module in module.tokens.map { singleTokens($0) } }
    }

    /// How many subcomponents are active at a place of the text, in the mean, and how many ever are.
    private var summary: Figure {
        let rows = modules.map { module in
            let active = module.activations.reduce(0) { $0 + Double($1) }
            let live = module.activations.count { $0 > 0 }
            return [module.name, short(active), String(live), String(module.activations.count - live)]
        }
        return Figure(
            name: "active_subcomponents", title: "Active subcomponents (ci > 0.1)",
            panels: [
                .table(
                    Table(
                        title: "", columns: ["module", "active per token, mean", "active anywhere", "never active"],
                        rows: rows,
                        // Zeros are those that are never active.
                        numbers: modules.map { .init($0.name, shape: [$0.activations.count], values: $0.activations) }))
            ])
    }

    /// Where each subcomponent is active, with the text around it.
    private func examples(_ module: ImportancePicture.Module) -> Figure {
        let c = module.activations.count
        let places = TopPlaces(module.importances, length: text.length, subcomponents: c, most: Self.places).places
        let order = module.activations.map(Double.init).fallingOrder.filter { !places[$0].isEmpty }
        var (lines, values): ([TokenText.Line], [Float]) = ([], [])
        for component in order.prefix(Self.subcomponents) {
            for (number, place) in places[component].enumerated() {
                let range =
                    max(0, place.position - Self.context)...min(text.length - 1, place.position + Self.context)
                let share = (Double(module.activations[component]) * 1000).rounded() / 10
                lines.append(
                    TokenText.Line(
                        name: number == 0 ? "\(component) (\(share) %)" : "",
                        tokens: range.map { names[Int(text.tokens[place.row * text.length + $0])] },
                        focus: place.position - range.lowerBound))
                values += range.map { module.importances[(place.row * text.length + $0) * c + component] }
            }
        }
        let count = min(order.count, Self.subcomponents)
        return Figure(
            name: "component_examples_" + module.name.replacing(".", with: "_"),
            title: "Where subcomponents are active: \(module.name)",
            panels: [
                .text(
                    TokenText(
                        title: "\(count) of \(order.count) that are active in the first batch, the most active first",
                        lines: lines, values: values, valueLabel: "causal importance",
                        nameLabel: "subcomponent (how often)"))
            ])
    }

    /// What is active at each of the first places of the text, largest first.
    private func activePerToken(_ modules: [ImportancePicture.Module]) -> Figure {
        Figure(
            name: "active_per_token", title: "Active subcomponents (ci > 0.1) of each token, the strongest first",
            panels: modules.map { module in
                let c = module.activations.count
                let rows = (0..<min(Self.positions, text.length)).map { position -> [String] in
                    let values = module.importances[position * c..<(position + 1) * c].map(Double.init)
                    let active = values.fallingOrder.filter { values[$0] > Double(Activity.threshold) }
                    let told = active.prefix(8).map { "\($0):\((values[$0] * 100).rounded() / 100)" }
                    return [
                        String(position), Self.visible(names[Int(text.tokens[position])]), String(active.count),
                        told.joined(separator: "  ") + (active.count > 8 ? " \u{2026}" : ""),
                    ]
                }
                let count = rows.count
                return .table(
                    Table(
                        title: module.name, columns: ["", "token", "active", "index:importance"], rows: rows,
                        numbers: [
                            .init("tokens", shape: [count], values: text.tokens.prefix(count).map { Float($0) }),
                            .init("values", shape: [count, c], values: Array(module.importances.prefix(count * c))),
                        ]))
            })
    }

    private static func visible(_ token: String) -> String {
        token.replacing("\n", with: "\u{21B5}").replacing(" ", with: "\u{2423}")
    }

    /// Tokens in the order of their strongest subcomponents, which come near to the identity.
    private func embedding(_ module: ImportancePicture.Module, _ masks: Tensor) -> Figure {
        let (vocabulary, c) = (masks.shape[0], masks.shape[1])
        let strength = (0..<vocabulary).map { token in Double(masks.values[token * c..<(token + 1) * c].max() ?? 0) }
        let strongest = Set(strength.fallingOrder.prefix(Self.tokens))
        let groups = EmbeddingTokens(masks).tokensByStrongest
        let tokens = groups.flatMap { group in group.tokens.filter(strongest.contains) }
        let columns = groups.map(\.component) + (0..<c).filter { index in !groups.contains { $0.component == index } }
        let matrix = Matrix(
            rows: tokens.count, columns: c,
            values: tokens.flatMap { token in columns.map { masks.values[token * c + $0] } })
        return Figure(
            name: "embedding_masks", title: "Causal importances of each token by itself",
            panels: [
                .heatMap(
                    HeatMap(
                        title: "\(module.name): "
                            + (tokens.count < vocabulary
                                ? "the strongest \(tokens.count) of \(vocabulary) tokens" : "\(vocabulary) tokens"),
                        matrix: matrix, colors: .reds, range: 0...1, valueLabel: "Causal importance",
                        columnLabel: "Subcomponent", rowLabel: "Token, by its strongest subcomponent",
                        columnNames: columns.map(String.init), rowNames: tokens.map { Self.visible(names[$0]) }))
            ])
    }

    /// The values of single tokens, and over all tokens how many subcomponents are active.
    private func singleTokens(_ masks: Tensor) -> Figure {
        let embedding = EmbeddingTokens(masks)
        let shown = EmbeddingTokens.shownTokens.filter { $0 < masks.shape[0] }
        let counts = embedding.activeCounts()
        let most = counts.max() ?? 0
        let bins = Bins(counts.map(Float.init), count: most + 1, from: -0.5, to: Double(most) + 0.5)
        return Figure(
            name: "first_token_histogram", title: "Causal importances of single tokens",
            panels: [
                .plot(
                    .histogram(
                        title: "All \(counts.count) tokens", bins,
                        valueLabel: "Active subcomponents (ci > 0.1) of a token"))
            ]
                + shown.map { token in
                    .plot(
                        .histogram(
                            title: "Token \(token): \(Self.visible(names[token]))",
                            Bins(embedding.values(of: token), from: 0, to: 1.05), valueLabel: "Value (over 0.05)"))
                }, columns: 2)
    }
}
