extension FeatureDecomposition {
    /// The subcomponents and gates by their names in a replay: `components.<module>.V`, `gates.<module>.mlp_in`.
    public var trainedTensors: StateDict { subcomponents.named(parameters) }

    /// The published state dict: the target under `model.`, dots inside module names written as dashes, frozen biases.
    public var publishedStateDict: StateDict { subcomponents.publishedStateDict(target: target.stateDict) }

    /// Replaces the subcomponents and gates by given ones, named as in `trainedTensors`.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    public func setTrainedTensors(_ tensors: StateDict) throws(KernelError) {
        try subcomponents.setTrainedTensors(tensors)
    }

    /// The state, or a state to continue from.
    public var state: DecompositionState { DecompositionState(step: step, tensors: subcomponents.state) }

    /// Goes on from a saved state.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    public func restore(_ state: DecompositionState) throws(KernelError) {
        try subcomponents.restore(state.tensors)
        step = state.step
    }
}
