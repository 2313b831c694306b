/// What a target's files are called in the folder that its training leaves: the published tool's names.
public enum TargetFileNames {
    /// The training's config; one of these stands beside the weights.
    public static let configs = ["tms_train_config.yaml", "resid_mlp_train_config.yaml"]
    /// The weights, where the folder is named and not the file.
    public static let weights = ["tms.safetensors", "tms.pth", "resid_mlp.safetensors", "resid_mlp.pth"]
    /// The coefficients of a residual MLP's labels, where they are kept.
    public static let labelCoefficients = "label_coeffs.json"
}
