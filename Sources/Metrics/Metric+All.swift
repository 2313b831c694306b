extension Metric {
    /// Every metric that a run may log, in the order of a row; what users define themselves comes on top.
    public static let all =
        [step, learningRate, totalLoss] + LossTerm.allCases.map(loss)
        + [gradientNorm, aliveSubcomponents, importanceL0] + ofKinds

    /// The metrics of all kinds of targets.
    static let ofEveryKind = all.filter { !ofKinds.contains($0) }

    /// The metrics that `status` shows, and a run's last line.
    public static let headlines = all.filter { $0.column != nil }

    /// What is worth a look first, if runs have logged it: the sum of the losses, then what is recovered, then the rest.
    public static let firstLooks = all.filter { $0.firstLook != nil }.sorted {
        ($0.firstLook ?? 0) < ($1.firstLook ?? 0)
    }

    /// How many optimiser steps were taken before.
    public static let step = Metric(.name("misc/step"), "How many steps were taken before this one.", unit: "steps")

    /// The optimiser's rate.
    public static let learningRate = Metric(
        .name("misc/lr"), "The optimiser's learning rate at this step.", panel: .init(.optimisation))

    /// What training minimises.
    public static let totalLoss = Metric(
        .name("loss/total"), "The sum of all losses, each times its coefficient.", better: .low, axis: .logarithmic,
        panel: .init(.losses, place: 3), column: "LOSS", firstLook: 0)

    /// The norm of all gradients.
    public static let gradientNorm = Metric(
        .name("misc/grad_norm"), "The norm of the gradients of all parameters.", axis: .logarithmic,
        panel: .init(.optimisation))

    /// Subcomponents that anything has used.
    public static let aliveSubcomponents = Metric(
        .module(suffix: "n_alive_01"),
        "How many of the module's subcomponents had a causal importance over 0.1 anywhere since the last row.",
        unit: "subcomponents", panel: .init(.subcomponents, "Alive subcomponents", place: 1))

    /// Subcomponents that an input uses.
    public static let importanceL0 = Metric(
        .module(suffix: "ci_l0"),
        "How many of the module's causal importances exceed 0.01, on average over the batch's inputs.",
        unit: "subcomponents", better: .low, panel: .init(.subcomponents, "L0 of the causal importances"))

    /// A loss before its coefficient; logged if its coefficient is set.
    public static func loss(_ term: LossTerm) -> Metric {
        switch term {
        case .faithfulness:
            loss(
                term, "The squared error of the weights that the subcomponents sum to.", axis: .logarithmic,
                .init(.losses, "Faithfulness", place: 1), firstLook: 3)
        case .recon:
            reconstruction(term, "with all modules masked by their causal importances")
        case .stochasticRecon:
            reconstruction(term, "with all modules under random masks")
        case .reconLayerwise:
            reconstruction(term, "with one module at a time masked by its causal importances")
        case .stochasticReconLayerwise:
            reconstruction(term, "with one module at a time under random masks")
        case .outputRecon:
            reconstruction(term, "with all subcomponents fully on")
        case .importanceMinimality:
            loss(
                term, "The p-norm of the causal importances.", axis: .linear,
                .init(.losses, "Importance minimality", place: 2), firstLook: 4)
        case .schatten:
            loss(term, "The causal importances, weighted by their subcomponents' squared norms.", axis: .logarithmic)
        case .embeddingRecon:
            loss(term, "The distance of an embedding's rows from the target's, under random masks.", axis: .logarithmic)
        }
    }

    private static func loss(
        _ term: LossTerm, _ meaning: String, axis: Axis, _ panel: Panel? = nil, firstLook: Int? = nil
    ) -> Metric {
        Metric(
            .name(lossPrefix + term.rawValue), meaning, better: .low, axis: axis, panel: panel, firstLook: firstLook)
    }

    /// Few configs have the losses without noise, which share a panel with those that most have: one of their own would
    /// be empty.
    private static func reconstruction(_ term: LossTerm, _ condition: String) -> Metric {
        loss(
            term, "The distance of the output from the target's \(condition).", axis: .logarithmic,
            .init(.losses, "Reconstruction"))
    }

    /// What all losses begin with.
    private static let lossPrefix = "loss/"

    /// Whether it is a loss.
    public var isLoss: Bool { Self.isLoss(name) }

    /// Whether what is logged under a name is a loss, also one that only another version knows.
    public static func isLoss(_ name: String) -> Bool { name.hasPrefix(lossPrefix) }

    /// Its name without what all losses begin with.
    public var shortName: String { isLoss ? String(name.dropFirst(Self.lossPrefix.count)) : name }
}
