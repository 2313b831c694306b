extension ExperimentConfig {
    /// Whether a set of figures is due before a step; the last step, which only evaluates, always has one.
    public func hasFigures(at step: Int) -> Bool {
        guard let imageFreq else { return false }
        return step == steps || step < steps && step % imageFreq == 0 && (step > 0 || imageOnFirstStep)
    }

    /// How many sets of figures there are from a step on.
    public func figureSets(from step: Int = 0) -> Int {
        guard let imageFreq, step <= steps else { return 0 }
        // Multiples of the frequency from `step` to the last but one step, and the last.
        let multiples = max(0, steps - 1) / imageFreq - (step + imageFreq - 1) / imageFreq + 1
        let first = step == 0 && steps > 0 && !imageOnFirstStep ? 1 : 0
        return (steps > step ? max(0, multiples) - first : 0) + 1
    }
}
