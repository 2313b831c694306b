private import Glibc

extension ExperimentConfig {
    /// The run's name on Weights & Biases, made as the published tool makes it.
    ///
    /// `wandb_run_name` stands for itself; else the name says what the run's settings are, as in
    /// `tms5-2_nmasks1_stochrecon1.00e+00_…_ft5_hid2hid-layers0`.
    ///
    /// - Parameter target: How the target was trained, or nil if that is not known yet.
    /// - Returns: The name, or nil if it cannot be made without the target.
    public func runName(target: TargetConfig?) -> String? {
        if let wandbRunName { return wandbRunNamePrefix + wandbRunName }
        return taskConfig.kind.training.name(self, target, settings: settingsInName).map { wandbRunNamePrefix + $0 }
    }

    /// The part of the name that all experiments have in common.
    private var settingsInName: String {
        var name = "nmasks\(nMaskSamples)_"
        let coefficients = [
            ("stochrecon", stochasticReconCoeff), ("stochreconlayer", stochasticReconLayerwiseCoeff),
            ("schatten", schattenCoeff), ("embedrecon", embeddingReconCoeff), ("p", pnorm),
            ("impmin", importanceMinimalityCoeff),
        ]
        for case (let label, let value?) in coefficients { name += "\(label)\(value.inName)_" }
        return name + "C\(C)_sd\(seed)_lr\(lr.inName)_bs\(batchSize)_"
    }
}

extension Double {
    /// Three digits and an exponent, as in `1.00e-03`.
    fileprivate var inName: String {
        var bytes = [CChar](repeating: 0, count: 32)
        _ = withVaList([self]) { vsnprintf(&bytes, bytes.count, "%.2e", $0) }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
