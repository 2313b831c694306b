// What only targets of one kind have. `TargetKind.measures` says which kind logs what.
extension Metric {
    /// What decompositions of each kind of target log beyond what all have.
    public static let ofKinds = ofTMS + ofResidualMLP + ofLanguageModels

    /// The metrics of a decomposed toy model of superposition.
    public static let ofTMS = [meanMaxCosine, meanLengthRatio]

    /// How well directions were recovered.
    public static let meanMaxCosine = Metric(
        .name("mmcs"), "The mean over features of the largest cosine of a subcomponent with the feature's column.",
        better: .high, panel: .init(.recovery), format: .fixed, column: "MMCS", firstLook: 1)

    /// How well lengths were recovered.
    public static let meanLengthRatio = Metric(
        .name("ml2r"), "The mean over features of that subcomponent's length relative to the column's; 1 is perfect.",
        panel: .init(.recovery), format: .fixed, column: "ML2R", firstLook: 2)

    /// The metrics of a decomposed residual MLP.
    public static let ofResidualMLP = [featuresWithOneInput, outputsInUse]

    /// Features that one subcomponent stands for.
    public static let featuresWithOneInput = Metric(
        .name("features_with_one_mlp_in"),
        "For how many features exactly one subcomponent of each mlp_in has a causal importance over 0.1.",
        unit: "features", better: .high, panel: .init(.recovery), firstLook: 5)

    /// Subcomponents that features use on the way out.
    public static let outputsInUse = Metric(
        .name("mlp_out_in_use"),
        "How many subcomponents of all mlp_out have a causal importance over 0.1 for any feature.",
        unit: "subcomponents", panel: .init(.recovery))

    /// The metrics of a decomposed language model.
    public static let ofLanguageModels =
        [unmaskedDivergence, maskedDivergence] + ModelVariant.allCases.map(crossEntropy)

    /// How far the sum of all subcomponents is from the target.
    public static let unmaskedDivergence = Metric(
        .name("misc/unmasked_kl_loss_vs_target"),
        "The KL divergence of the predictions from the target's with all subcomponents fully on.", unit: "nats",
        better: .low, panel: .init(.divergence, "KL divergence, unmasked", place: 1))

    /// How far the subcomponents that matter are from the target.
    public static let maskedDivergence = Metric(
        .name("misc/masked_kl_loss_vs_target"),
        "The KL divergence of the predictions from the target's, masked by the causal importances.", unit: "nats",
        better: .low, panel: .init(.divergence, "KL divergence, masked"), firstLook: 5)

    /// Which version of a language model predicts the next token.
    public enum ModelVariant: String, Sendable, CaseIterable {
        /// All subcomponents fully on.
        case unmasked
        /// Subcomponents masked by their causal importances.
        case masked
        /// The target itself.
        case target
        /// No subcomponent at all.
        case zeroMasked = "zero_masked"
    }

    /// How well a variant of the model predicts the next token; logged if `log_ce_losses` is set.
    public static func crossEntropy(_ variant: ModelVariant) -> Metric {
        let subject =
            switch variant {
            case .unmasked: "of the model with all subcomponents fully on"
            case .masked: "of the model masked by the causal importances"
            case .target: "of the target"
            case .zeroMasked: "of the model without any subcomponent"
            }
        return Metric(
            .name("misc/\(variant.rawValue)_ce_loss_vs_labels"),
            "The cross-entropy \(subject) for the next token.", unit: "nats",
            better: variant == .target || variant == .zeroMasked ? nil : .low)
    }
}

extension Metric {
    /// The prefix of users' own metrics.
    public static let userPrefix = "user/"

    /// How long a step has waited for observers.
    public static let observerSeconds = user("seconds", "How long the step has waited for observers.", unit: "s")

    /// A metric that a user defines, logged as `user/<name>`; a definition may say more than its name.
    ///
    /// With `{m}` in its name it is logged once for each of some modules.
    public static func user(
        _ name: String, _ meaning: String = "A metric of your own.", unit: String? = nil, better: Better? = nil,
        axis: Axis = .linear
    ) -> Metric {
        let parts = (userPrefix + name).split(separator: "{m}", maxSplits: 1, omittingEmptySubsequences: false)
        let key: Key =
            parts.count == 2 ? .each(before: String(parts[0]), after: String(parts[1])) : .name(userPrefix + name)
        return Metric(key, meaning, unit: unit, better: better, axis: axis, panel: .init(.user))
    }
}
