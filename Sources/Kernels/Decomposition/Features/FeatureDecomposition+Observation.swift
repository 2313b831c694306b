internal import CKernels

extension FeatureDecomposition {
    /// Loads the weights saved before a step, for inspection.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    public func look(at tensors: StateDict, step: Int) throws(KernelError) {
        try setTrainedTensors(tensors)
        self.step = step
    }

    /// The shapes of the tensors that can be looked at.
    public func observableShapes() throws(KernelError) -> ObservableShapes {
        ObservableShapes(
            modules: modules.map {
                .init(
                    name: $0.name, rows: [settings.batchSize], inputs: $0.inputs, outputs: $0.outputs,
                    isEmbedding: false)
            },
            batch: [settings.batchSize, target.features], output: [settings.batchSize, network.outputs],
            subcomponents: settings.subcomponents)
    }

    /// Looks at the tensors of the next step; nothing later steps compute is changed.
    public func observe(_ parts: ObservedParts) throws(KernelError) -> Observation {
        var result = Observation()
        result.takeDown(parts, of: subcomponents)
        let needsRows = ObservedParts.outputs.union(.importances)
        guard !parts.isDisjoint(with: needsRows.union(.batch)) else { return result }
        let batch = batch
        if parts.contains(.batch) { result.batch = batch }
        guard !parts.isDisjoint(with: needsRows) else { return result }
        let seen = look(at: batch, parts)
        if parts.contains(.importances) { (result.ci, result.ciUpper) = (seen.ci, seen.ciUpper) }
        result.targetOutput = seen.outputs[.targetOutput]
        result.unmaskedOutput = seen.outputs[.unmaskedOutput]
        result.maskedOutput = seen.outputs[.maskedOutput]
        return result
    }

    private typealias Seen = (
        ci: [String: Tensor], ciUpper: [String: Tensor], outputs: [ObservedParts: Tensor]
    )

    private func look(at batch: Tensor, _ parts: ObservedParts) -> Seen {
        let (rows, c, outputs) = (batch.shape[0], settings.subcomponents, network.outputs)
        let input = Storage(batch.values)
        let ci = modules.map { _ in Storage(count: rows * c) }
        let ciUpper = modules.map { _ in Storage(count: rows * c) }
        let wanted = [ObservedParts.targetOutput, .unmaskedOutput, .maskedOutput].filter(parts.contains)
        let stored = wanted.map { (part: $0, storage: Storage(count: rows * outputs)) }
        prepareNetwork()
        evaluate(input.pointer, rows: rows) { worker, done in
            worker.copyImportances(of: self, rows: done.lowerBound, done.count, ci, ciUpper)
            for (kind, storage) in stored {
                worker.copyOutput(kind, of: self, to: storage.pointer + done.lowerBound * outputs, rows: done.count)
            }
        }
        func tensors(_ storage: [Storage]) -> [String: Tensor] {
            Dictionary(
                uniqueKeysWithValues: zip(modules, storage).map {
                    ($0.name, Tensor(shape: [rows, c], values: $1.values(0, rows * c)))
                })
        }
        let found = stored.map {
            ($0.part, Tensor(shape: [rows, outputs], values: $0.storage.values(0, rows * outputs)))
        }
        return (tensors(ci), tensors(ciUpper), Dictionary(uniqueKeysWithValues: found))
    }
}

extension StepWorker {
    /// Copies the tile's first rows of an output to (rows, outputs), through `tile.dOutput`.
    ///
    /// A network may compute no more of an output than masks can change; the rest is the target's.
    fileprivate func copyOutput(
        _ part: ObservedParts, of decomposition: FeatureDecomposition, to output: Floats, rows count: Int
    ) {
        let (rows, outputs) = (tile.rows, decomposition.network.outputs)
        if part != .targetOutput {
            for share in tile.modules {
                let uniform: Float = part == .unmaskedOutput ? 1 : 0
                share.uniforms.update(repeating: uniform, count: decomposition.settings.subcomponents * rows)
            }
            decomposition.network.forward(pass, replaced: .all)
        }
        decomposition.network.targetOutput(pass, into: tile.dOutput)
        for row in 0..<count {
            for place in 0..<outputs {
                let index = place * rows + row
                let change = part == .targetOutput ? 0 : tile.output[index] - tile.target[index]
                output[row * outputs + place] = tile.dOutput[index] + change
            }
        }
    }
}
