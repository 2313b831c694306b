extension DiskUse {
    /// How many files and folders a run leaves, as its config tells.
    ///
    /// - Parameters:
    ///   - config: What it computes.
    ///   - isTracked: Whether rows are kept for Weights & Biases too.
    /// - Returns: The number of inodes.
    public static func files(of config: ExperimentConfig, isTracked: Bool) -> Int {
        let sets = config.figureSets()
        let models = 1 + (config.saveFreq.map { max(0, config.steps - 1) / $0 } ?? 0)
        // The folder, its config, rows and log.
        var files = 4 + models
        if sets > 0 { files += 1 + sets * figuresPerSet }
        guard isTracked, config.wandbProject != nil else { return files }
        return files + spool + (sets > 0 ? spoolOfFigures : 0)
    }

    /// Heat maps and histograms of one step.
    private static let figuresPerSet = 6
    /// What is kept for Weights & Biases: rows, files to send, locks.
    private static let spool = 13
    private static let spoolOfFigures = 6
}
