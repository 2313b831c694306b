extension DiskUse {
    /// How many files and folders a finished run leaves, according to its config.
    ///
    /// - Parameters:
    ///   - config: What it computes.
    ///   - isTracked: Whether rows are kept for Weights & Biases too.
    /// - Returns: The number of inodes.
    public static func files(of config: ExperimentConfig, isTracked: Bool) -> Int {
        let models = 1 + (config.saveFreq.map { max(0, config.steps - 1) / $0 } ?? 0)
        // The folder, its config, rows and log; one for each set of figures, and one for Weights & Biases.
        return 4 + models + config.figureSets() + (isTracked && config.wandbProject != nil ? 1 : 0)
    }
}
