internal import CKernels

extension TransformerPass {
    /// Runs from a stage on to the final norm; what comes before has to be in `memory` already.
    func forward(_ memory: PassMemory, from first: Stage = .embedding, replacing substitutes: (any Substitutes)? = nil)
    {
        if first <= .embedding { embed(memory.embedded, substitutes) }
        for (index, layer) in weights.layers.enumerated() where first <= .mlpOutput(index) {
            let at = memory.layers[index]
            if first <= .projections(index) {
                forEachColumns { project(layer, at, index, substitutes, $0) }
            }
            if first < .attention(index) { attend(layer, at, index) }
            forEachColumns { columns in
                if first <= .attention(index) { mix(layer, at, substitutes, columns) }
                if first <= .hidden(index) { hide(layer, at, substitutes, isNormed: first == .hidden(index), columns) }
                finish(layer, at, substitutes, isActed: first == .mlpOutput(index), columns)
            }
        }
        guard first < .head else { return }
        let stream = memory.layers.last?.output ?? memory.embedded
        forEachColumns { normalise(stream, weights.finalNorm, into: memory.finalNormed, memory.finalStatistics, $0) }
    }

    private func embed(_ output: Floats, _ substitutes: (any Substitutes)?) {
        let (width, places) = (weights.shape.width, places)
        if let substitutes, substitutes.replaces(0) {
            substitutes.embed(0, output: output, adding: false)
        } else {
            ck_embed(output, weights.pointer + weights.embedding, tokens, width, places)
        }
        guard let positions = weights.positions else { return }
        if let substitutes, substitutes.replaces(1) {
            substitutes.embed(1, output: output, adding: true)
        } else {
            ck_add_positions(output, weights.pointer + positions, width, rows, length)
        }
    }

    private func project(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ index: Int, _ substitutes: (any Substitutes)?,
        _ columns: Range<Int>
    ) {
        normalise(at.input, layer.attentionNorm, into: at.normed, at.normedStatistics, columns)
        var output = at.projected
        for linear in layer.projections {
            apply(linear, to: at.normed, output: output, substitutes, columns)
            output += linear.outputs * places
        }
        turn(layer, at.projected, index, direction: 1, columns)
    }

    private func attend(_ layer: TransformerWeights.Layer, _ at: LayerMemory, _ index: Int) {
        let attention = layer.shape.attention
        let heads = HeadPlaces(attention, places: places)
        // What a query sees does not depend on the others: a thread on its own need not copy keys for each range.
        let ranges = crew.isAlone ? [ck_queries(from: 0, to: length)] : ranges[index]
        crew.share(rows * heads.count * ranges.count) { piece in
            let (queries, head) = (ranges[piece % ranges.count], piece / ranges.count % heads.count)
            let row = piece / (ranges.count * heads.count) * length
            ck_attention_forward(
                at.mixed + heads.output(head) + row, at.logSums + head * places + row, attentionMemory.own.scratch,
                at.projected + heads.query(head) + row, at.projected + heads.key(of: head) + row,
                at.projected + heads.value(of: head) + row, attention.scale, attention.window ?? length, queries,
                attention.headSize, length, places)
        }
    }

    private func mix(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, _ columns: Range<Int>
    ) {
        apply(layer.output, to: at.mixed, output: at.middle, substitutes, columns)
        add(at.input, to: at.middle, features: weights.shape.width, columns)
    }

    private func hide(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, isNormed: Bool,
        _ columns: Range<Int>
    ) {
        if !isNormed {
            let stream = layer.shape.isParallel ? at.input : at.middle
            normalise(stream, layer.mlpNorm, into: at.mlpNormed, at.mlpStatistics, columns)
        }
        var output = at.hidden
        for linear in layer.hidden {
            apply(linear, to: at.mlpNormed, output: output, substitutes, columns)
            output += linear.outputs * places
        }
    }

    private func finish(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, isActed: Bool,
        _ columns: Range<Int>
    ) {
        if !isActed {
            let (x, inputs) = (at.hidden + columns.lowerBound, layer.down.inputs)
            ck_activation_forward(
                at.acted + columns.lowerBound, x, layer.hidden.count > 1 ? x + inputs * places : nil,
                layer.shape.activation.code, inputs, columns.count, places)
        }
        apply(layer.down, to: at.acted, output: at.output, substitutes, columns)
        add(at.middle, to: at.output, features: weights.shape.width, columns)
    }

    private func normalise(
        _ x: Floats, _ norm: TransformerWeights.Norm, into y: Floats, _ statistics: Floats, _ columns: Range<Int>
    ) {
        let (w, first) = (weights.pointer, columns.lowerBound)
        ck_norm_forward(
            y + first, statistics + first, statistics + places + first, x + first, w + norm.weight,
            norm.bias.map { w + $0 }, norm.epsilon, weights.shape.width, columns.count, places)
    }

    private func apply(
        _ linear: TransformerWeights.Linear, to input: Floats, output: Floats, _ substitutes: (any Substitutes)?,
        _ columns: Range<Int>
    ) {
        if let module = linear.module, let substitutes, substitutes.replaces(module) {
            substitutes.apply(module, to: input, output: output, columns: columns)
            return
        }
        let (first, count) = (columns.lowerBound, columns.count)
        if let bias = linear.bias {
            for o in 0..<linear.outputs {
                (output + o * places + first).update(repeating: weights.pointer[bias + o], count: count)
            }
        }
        if let packed = maps?[linear] {
            packed.multiply(input + first, into: output + first, count, stride: places, keep: linear.bias != nil)
        } else {
            product(
                into: output, weights.pointer + linear.weight, input, m: linear.outputs, n: places, k: linear.inputs,
                keep: linear.bias == nil ? 0 : 1)
        }
    }
}
