/// The names of a target's files in the folder that its training leaves: the published tool's names.
public enum TargetFileNames {
    /// The kinds of target that stand in such folders; those of the hub have their own layout.
    private static let kinds = TargetKind.all.filter { !$0.takesHubNames }
    /// The training's config; one of these stands next to the weights.
    public static let configs = kinds.map(\.trainingConfigName)
    /// The weights, where the folder is named and not the file.
    public static let weights = kinds.flatMap(\.weightsNames)
    /// The coefficients of a residual MLP's labels, where they are kept.
    public static let labelCoefficients = "label_coeffs.json"
}
