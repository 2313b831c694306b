internal import CKernels

extension TransformerPass {
    /// Takes the gradient dFinal (width, places) of the final norm's output back to a stage, the first that holds a
    /// replaced module.
    func backward(
        _ memory: PassMemory, dFinal: Floats, to first: Stage = .embedding,
        replacing substitutes: (any Substitutes)? = nil
    ) {
        guard first < .head else { return }
        let stream = memory.layers.last?.output ?? memory.embedded
        forEachColumns { columns in
            clear(dStream, features: weights.shape.width, columns)
            normaliseBack(dStream, dFinal, stream, weights.finalNorm, memory.finalStatistics, columns)
        }
        for (index, layer) in weights.layers.enumerated().reversed() where first <= .mlpOutput(index) {
            let at = memory.layers[index]
            finishBack(layer, at, substitutes, goesOn: first < .mlpOutput(index))
            if first <= .hidden(index) { hideBack(layer, at, substitutes, goesOn: first < .hidden(index)) }
            if first <= .attention(index) {
                mixBack(layer, at, substitutes, goesOn: first < .attention(index))
                if first < .attention(index) { attendBack(layer, at, index) }
            }
            if first <= .projections(index) {
                projectBack(layer, at, index, substitutes, goesOn: first < .projections(index))
            }
        }
        if first <= .embedding { embedBack(substitutes) }
    }

    /// dStream holds the gradient of the layer's output, and of what was added to it.
    private func finishBack(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, goesOn: Bool
    ) {
        let up = layer.hidden.count > 1 ? layer.down.inputs * places : nil
        applyBack([layer.down], input: at.acted, dOutput: dStream, dInput: goesOn ? dActed : nil, substitutes) {
            columns in
            let (dx, x) = (dHidden + columns.lowerBound, at.hidden + columns.lowerBound)
            ck_activation_backward(
                dx, up.map { dx + $0 }, dActed + columns.lowerBound, x, up.map { x + $0 },
                layer.shape.activation.code, layer.down.inputs, columns.count, places)
        }
    }

    private func hideBack(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, goesOn: Bool
    ) {
        applyBack(layer.hidden, input: at.mlpNormed, dOutput: dHidden, dInput: goesOn ? dNormed : nil, substitutes) {
            columns in
            // Where attention and MLP read the same stream, the MLP's share waits until attention's way back has read the
            // gradient of their sum.
            guard !layer.shape.isParallel else { return }
            normaliseBack(dStream, dNormed, at.middle, layer.mlpNorm, at.mlpStatistics, columns)
        }
    }

    private func mixBack(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, goesOn: Bool
    ) {
        let attention = layer.shape.attention
        let projected = (attention.heads + 2 * attention.keyValueHeads) * attention.headSize
        applyBack([layer.output], input: at.mixed, dOutput: dStream, dInput: goesOn ? dMixed : nil, substitutes) {
            columns in
            clear(dProjected, features: projected, columns)
        }
        guard layer.shape.isParallel else { return }
        forEachColumns { normaliseBack(dStream, dNormed, at.input, layer.mlpNorm, at.mlpStatistics, $0) }
    }

    private func attendBack(_ layer: TransformerWeights.Layer, _ at: LayerMemory, _ index: Int) {
        let attention = layer.shape.attention
        let (heads, ranges) = (HeadPlaces(attention, places: places), ranges[index])
        let (size, window) = (ck_attention_sums(attention.headSize, length), attention.window ?? length)
        func add(_ sums: Floats, _ queries: ck_queries, _ head: Int, _ row: Int) {
            ck_attention_add(
                dProjected + heads.key(of: head) + row, dProjected + heads.value(of: head) + row, sums, window,
                queries, attention.headSize, length, places)
        }
        crew.share(rows * heads.count * ranges.count) { piece in
            let (queries, head) = (ranges[piece % ranges.count], piece / ranges.count % heads.count)
            let row = piece / (ranges.count * heads.count) * length
            let memory = attentionMemory.own
            let sums = crew.isAlone ? memory.sums : attentionSums + piece * size
            ck_attention_backward(
                dProjected + heads.query(head) + row, sums, memory.scratch, dMixed + heads.output(head) + row,
                at.mixed + heads.output(head) + row, at.logSums + head * places + row,
                at.projected + heads.query(head) + row, at.projected + heads.key(of: head) + row,
                at.projected + heads.value(of: head) + row, attention.scale, window, queries, attention.headSize,
                length, places)
            if crew.isAlone { add(sums, queries, head, row) }
        }
        guard !crew.isAlone else { return }
        // Query heads that share their keys add to the same gradients, one after the other.
        let sharing = heads.count / heads.keyValueCount
        crew.share(rows * heads.keyValueCount) { piece in
            let first = piece * sharing * ranges.count
            for some in first..<first + sharing * ranges.count {
                let head = some / ranges.count % heads.count
                let row = piece / heads.keyValueCount * length
                add(attentionSums + some * size, ranges[some % ranges.count], head, row)
            }
        }
    }

    private func projectBack(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ index: Int, _ substitutes: (any Substitutes)?,
        goesOn: Bool
    ) {
        forEachColumns { turn(layer, dProjected, index, direction: -1, $0) }
        applyBack(
            layer.projections, input: at.normed, dOutput: dProjected, dInput: goesOn ? dNormed : nil, substitutes
        ) { columns in
            normaliseBack(dStream, dNormed, at.input, layer.attentionNorm, at.normedStatistics, columns)
        }
    }

    private func embedBack(_ substitutes: (any Substitutes)?) {
        let (width, places) = (weights.shape.width, places)
        if let substitutes, substitutes.replaces(0) {
            substitutes.embedBack(0, dOutput: dStream)
        } else if let gradients = weightGradients {
            ck_embed_back(gradients + weights.embedding, dStream, tokens, width, places)
        }
        guard let positions = weights.positions else { return }
        if let substitutes, substitutes.replaces(1) {
            substitutes.embedBack(1, dOutput: dStream)
        } else if let gradients = weightGradients {
            ck_add_positions_back(gradients + positions, dStream, width, rows, length)
        }
    }

    private func clear(_ block: Floats, features: Int, _ columns: Range<Int>) {
        for f in 0..<features {
            (block + f * places + columns.lowerBound).update(repeating: 0, count: columns.count)
        }
    }

    private func normaliseBack(
        _ dx: Floats, _ dy: Floats, _ x: Floats, _ norm: TransformerWeights.Norm, _ statistics: Floats,
        _ columns: Range<Int>
    ) {
        let first = columns.lowerBound
        ck_norm_backward(
            dx + first, weightGradients.map { $0 + norm.weight },
            weightGradients.flatMap { d in norm.bias.map { d + $0 } }, dy + first, x + first, statistics + first,
            statistics + places + first, weights.pointer + norm.weight, norm.bias == nil ? 0 : 1, weights.shape.width,
            columns.count, places)
    }

    /// Takes the gradients of linear maps of one input back, their outputs one behind the other in dOutput; with dInput, sets
    /// it and goes on with `next`.
    private func applyBack(
        _ linears: [TransformerWeights.Linear], input: Floats, dOutput: Floats, dInput: Floats?,
        _ substitutes: (any Substitutes)?, next: (Range<Int>) -> Void
    ) {
        var rest = dOutput
        let dOutputs = linears.map { linear in
            defer { rest += linear.outputs * places }
            return rest
        }
        func replaced(_ linear: TransformerWeights.Linear) -> (module: Int, by: any Substitutes)? {
            guard let module = linear.module, let substitutes, substitutes.replaces(module) else { return nil }
            return (module, substitutes)
        }
        for (linear, dOutput) in zip(linears, dOutputs) {
            if let (module, substitutes) = replaced(linear) {
                substitutes.addOutputSums(module, dOutput: dOutput)
            } else if let gradients = weightGradients {
                product(
                    into: gradients + linear.weight, dOutput, input, m: linear.outputs, n: linear.inputs, k: places,
                    .none, .transposed, keep: 1)
                if let bias = linear.bias { ck_sum_rows(gradients + bias, dOutput, linear.outputs, places) }
            }
        }
        let substituted = linears.compactMap(replaced)
        guard dInput != nil || !substituted.isEmpty else { return }
        forEachColumns { columns in
            for (number, (linear, dOutput)) in zip(linears, dOutputs).enumerated() {
                if let (module, substitutes) = replaced(linear) {
                    substitutes.applyBack(
                        module, dOutput: dOutput, dInput: dInput, keep: number > 0, columns: columns)
                } else if let dInput {
                    multiplyBack(linear, dOutput, into: dInput, keep: number > 0, columns)
                }
            }
            if dInput != nil { next(columns) }
        }
        for (module, substitutes) in substituted { substitutes.addInputSums(module, input: input) }
    }

    private func multiplyBack(
        _ linear: TransformerWeights.Linear, _ dOutput: Floats, into dInput: Floats, keep: Bool, _ columns: Range<Int>
    ) {
        let first = columns.lowerBound
        if let packed = maps?[linear] {
            packed.multiplyTransposed(
                dOutput + first, into: dInput + first, columns.count, stride: places, keep: keep)
        } else {
            product(
                into: dInput, weights.pointer + linear.weight, dOutput, m: linear.inputs, n: places, k: linear.outputs,
                .transposed, keep: keep ? 1 : 0)
        }
    }
}
