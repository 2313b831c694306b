extension LanguageDecomposition {
    /// Loads the weights saved before a step, for inspection.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    public func look(at tensors: StateDict, step: Int) throws(KernelError) {
        try setTrainedTensors(tensors)
        self.step = step
    }

    /// The shapes of the tensors that can be looked at; logits are never stored whole.
    public func observableShapes() throws(KernelError) -> ObservableShapes {
        try target.shape.observableShapes(settings, length: length)
    }

    /// Looks at the tensors of the next step, all but outputs; nothing later steps compute is changed.
    ///
    /// - Throws: a batch that does not fit.
    public func observe(_ parts: ObservedParts) throws(KernelError) -> Observation {
        var result = Observation()
        result.takeDown(parts, of: subcomponents)
        guard !parts.isDisjoint(with: [.batch, .importances]) else { return result }
        let batch = tokens.batch(at: step)
        if parts.contains(.batch) {
            result.batch = Tensor(shape: [batch.rows, batch.length], values: batch.tokens.map { Float($0) })
        }
        if parts.contains(.importances) { (result.ci, result.ciUpper) = try causalImportances(of: batch) }
        return result
    }
}
