extension ExperimentConfig {
    /// Whether there is any set of figures.
    public var hasFigures: Bool {
        switch figures {
        case .last?: true
        case FigureChoice.none?: false
        case nil: imageFreq != nil
        }
    }

    /// Whether a set of figures is due before a step; the last step, which only evaluates, always has one.
    public func hasFigures(at step: Int) -> Bool {
        guard hasFigures else { return false }
        guard figures == nil, let imageFreq else { return step == steps }
        return step == steps || step < steps && step % imageFreq == 0 && (step > 0 || imageOnFirstStep)
    }

    /// How many sets of figures there are from a step on.
    public func figureSets(from step: Int = 0) -> Int {
        guard hasFigures, step <= steps else { return 0 }
        guard figures == nil, let imageFreq else { return 1 }
        // Multiples of the frequency from `step` to the last but one step, and the last.
        let multiples = max(0, steps - 1) / imageFreq - (step + imageFreq - 1) / imageFreq + 1
        let first = step == 0 && steps > 0 && !imageOnFirstStep ? 1 : 0
        return (steps > step ? max(0, multiples) - first : 0) + 1
    }
}
