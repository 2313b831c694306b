internal import CKernels

/// A transformer's passes over some rows of tokens at once, forward and back, from the embedding to the final norm.
///
/// Activations are feature-major, (features, places), the places of one row behind those of the row before. One thread
/// at a time works on a pass, with the pass's own memory.
final class TransformerPass {
    /// How many rows of tokens a pass takes at most, and how long they are.
    let capacity: Int
    let length: Int
    let weights: TransformerWeights
    /// The weights' packed maps; nil while the weights are trained.
    private let maps: PackedMaps?
    private let rotary: RotaryTables
    /// Tokens of the current rows (rows, length).
    private(set) var tokens: UnsafePointer<Int32>?
    private(set) var rows = 0
    /// Where gradients of the weights go, laid out like the weights; nil leaves the weights alone.
    var weightGradients: Floats?

    private let attentionScratch: Floats
    private let dStream: Floats
    private let dNormed: Floats
    private let dProjected: Floats
    private let dMixed: Floats
    private let dHidden: Floats
    private let dActed: Floats
    private let storage: Storage

    /// Prepares passes over up to `capacity` rows.
    init(weights: TransformerWeights, maps: PackedMaps? = nil, rotary: RotaryTables, capacity: Int, length: Int) {
        self.weights = weights
        self.maps = maps
        self.rotary = rotary
        self.capacity = capacity
        self.length = length
        let shape = weights.shape
        let places = capacity * length
        func most(_ count: (TransformerShape.Layer) -> Int) -> Int { (shape.layers.map(count).max() ?? 0) * places }
        let (storage, blocks) = Storage.blocks([
            Int(shape.layers.map { ck_attention_scratch($0.attention.headSize, length) }.max() ?? 0),
            shape.width * places, shape.width * places,
            most { ($0.attention.heads + 2 * $0.attention.keyValueHeads) * $0.attention.headSize },
            most { $0.attention.heads * $0.attention.headSize },
            most { ($0.mlp.linears.count - 1) * $0.mlp.hidden }, most { $0.mlp.hidden },
        ])
        self.storage = storage
        attentionScratch = blocks[0]
        dStream = blocks[1]
        dNormed = blocks[2]
        dProjected = blocks[3]
        dMixed = blocks[4]
        dHidden = blocks[5]
        dActed = blocks[6]
    }

    /// How many places the current rows have.
    var places: Int { rows * length }

    /// Loads some rows of tokens (rows, length), which stay the caller's.
    func load(_ tokens: UnsafePointer<Int32>, rows: Int) {
        self.tokens = tokens
        self.rows = rows
    }
}

// MARK: Forward

extension TransformerPass {
    /// Runs from a stage on to the final norm; what comes before has to be in `memory` already.
    func forward(_ memory: PassMemory, from first: Stage = .embedding, replacing substitutes: (any Substitutes)? = nil)
    {
        if first <= .embedding { embed(memory.embedded, substitutes) }
        for (index, layer) in weights.layers.enumerated() where first <= .mlpOutput(index) {
            let at = memory.layers[index]
            if first <= .projections(index) { project(layer, at, index, substitutes) }
            if first <= .attention(index) { attend(layer, at, substitutes, fromInside: first == .attention(index)) }
            if first <= .hidden(index) { hide(layer, at, substitutes, isNormed: first == .hidden(index)) }
            finish(layer, at, substitutes, isActed: first == .mlpOutput(index))
        }
        guard first < .head else { return }
        let stream = memory.layers.last?.output ?? memory.embedded
        normalise(stream, weights.finalNorm, into: memory.finalNormed, memory.finalStatistics)
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
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ index: Int, _ substitutes: (any Substitutes)?
    ) {
        normalise(at.input, layer.attentionNorm, into: at.normed, at.normedStatistics)
        var output = at.projected
        for linear in layer.projections {
            apply(linear, to: at.normed, output: output, substitutes)
            output += linear.outputs * places
        }
        turn(layer, at.projected, index, direction: 1)
    }

    /// Turns queries and keys by their positions' angles, or back.
    private func turn(_ layer: TransformerWeights.Layer, _ projected: Floats, _ index: Int, direction: Float) {
        guard let table = rotary.layers[index] else { return }
        let heads = HeadPlaces(layer.shape.attention, places: places)
        for offset in (0..<heads.count).map(heads.query) + (0..<heads.keyValueCount).map(heads.key(_:)) {
            ck_rotate(
                projected + offset, table.cosine.pointer, table.sine.pointer, direction, table.half, rows, length)
        }
    }

    private func attend(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, fromInside: Bool
    ) {
        let attention = layer.shape.attention
        if !fromInside {
            forEachHead(attention) { head, row, heads in
                ck_attention_forward(
                    at.mixed + heads.output(head) + row, at.logSums + head * places + row, attentionScratch,
                    at.projected + heads.query(head) + row, at.projected + heads.key(of: head) + row,
                    at.projected + heads.value(of: head) + row, attention.scale, attention.window ?? length,
                    attention.headSize, length, places)
            }
        }
        apply(layer.output, to: at.mixed, output: at.middle, substitutes)
        ck_add(at.middle, at.input, weights.shape.width * places)
    }

    private func hide(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, isNormed: Bool
    ) {
        if !isNormed {
            let stream = layer.shape.isParallel ? at.input : at.middle
            normalise(stream, layer.mlpNorm, into: at.mlpNormed, at.mlpStatistics)
        }
        var output = at.hidden
        for linear in layer.hidden {
            apply(linear, to: at.mlpNormed, output: output, substitutes)
            output += linear.outputs * places
        }
    }

    private func finish(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, isActed: Bool
    ) {
        let count = layer.down.inputs * places
        if !isActed {
            ck_activation_forward(
                at.acted, at.hidden, layer.hidden.count > 1 ? at.hidden + count : nil, layer.shape.activation.code,
                count)
        }
        apply(layer.down, to: at.acted, output: at.output, substitutes)
        ck_add(at.output, at.middle, weights.shape.width * places)
    }

    private func normalise(_ x: Floats, _ norm: TransformerWeights.Norm, into y: Floats, _ statistics: Floats) {
        let w = weights.pointer
        ck_norm_forward(
            y, statistics, statistics + places, x, w + norm.weight, norm.bias.map { w + $0 }, norm.epsilon,
            weights.shape.width, places)
    }

    private func apply(
        _ linear: TransformerWeights.Linear, to input: Floats, output: Floats, _ substitutes: (any Substitutes)?
    ) {
        if let module = linear.module, let substitutes, substitutes.replaces(module) {
            substitutes.apply(module, to: input, output: output)
            return
        }
        if let bias = linear.bias { ck_fill_rows(output, weights.pointer + bias, linear.outputs, places) }
        if let packed = maps?[linear] {
            packed.multiply(input, into: output, places, keep: linear.bias != nil)
        } else {
            product(
                into: output, weights.pointer + linear.weight, input, m: linear.outputs, n: places, k: linear.inputs,
                keep: linear.bias == nil ? 0 : 1)
        }
    }

    /// Calls `body` for each query head and the first place of each row.
    private func forEachHead(
        _ attention: TransformerShape.Attention, _ body: (_ head: Int, _ row: Int, _ heads: HeadPlaces) -> Void
    ) {
        let heads = HeadPlaces(attention, places: places)
        for row in 0..<rows {
            for head in 0..<heads.count { body(head, row * length, heads) }
        }
    }
}

/// Where each head's queries, keys and values lie among a layer's projections.
struct HeadPlaces {
    let count: Int
    let keyValueCount: Int
    /// One head's block.
    private let size: Int
    private let isByHead: Bool

    init(_ attention: TransformerShape.Attention, places: Int) {
        count = attention.heads
        keyValueCount = attention.keyValueHeads
        size = attention.headSize * places
        if case .joinedByHead = attention.projections { isByHead = true } else { isByHead = false }
    }

    func query(_ head: Int) -> Int { (isByHead ? 3 * head : head) * size }
    func key(_ head: Int) -> Int { (isByHead ? 3 * head + 1 : count + head) * size }
    func value(_ head: Int) -> Int { (isByHead ? 3 * head + 2 : count + keyValueCount + head) * size }
    func output(_ head: Int) -> Int { head * size }

    /// The keys that a query head sees.
    func key(of head: Int) -> Int { key(head * keyValueCount / count) }
    func value(of head: Int) -> Int { value(head * keyValueCount / count) }
}

// MARK: Back

extension TransformerPass {
    /// Takes the gradient dFinal (width, places) of the final norm's output back to a stage, the first that holds a
    /// replaced module.
    func backward(
        _ memory: PassMemory, dFinal: Floats, to first: Stage = .embedding,
        replacing substitutes: (any Substitutes)? = nil
    ) {
        guard first < .head else { return }
        let stream = memory.layers.last?.output ?? memory.embedded
        dStream.update(repeating: 0, count: weights.shape.width * places)
        normaliseBack(dStream, dFinal, stream, weights.finalNorm, memory.finalStatistics)
        for (index, layer) in weights.layers.enumerated().reversed() where first <= .mlpOutput(index) {
            let at = memory.layers[index]
            finishBack(layer, at, substitutes, goesOn: first < .mlpOutput(index))
            if first <= .hidden(index) { hideBack(layer, at, substitutes, goesOn: first < .hidden(index)) }
            if first <= .attention(index) { attendBack(layer, at, substitutes, goesOn: first < .attention(index)) }
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
        applyBack(layer.down, input: at.acted, dOutput: dStream, dInput: goesOn ? dActed : nil, keep: 0, substitutes)
        guard goesOn else { return }
        let count = layer.down.inputs * places
        let isGated = layer.hidden.count > 1
        ck_activation_backward(
            dHidden, isGated ? dHidden + count : nil, dActed, at.hidden, isGated ? at.hidden + count : nil,
            layer.shape.activation.code, count)
    }

    private func hideBack(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, goesOn: Bool
    ) {
        var dOutput = dHidden
        for (number, linear) in layer.hidden.enumerated() {
            applyBack(
                linear, input: at.mlpNormed, dOutput: dOutput, dInput: goesOn ? dNormed : nil,
                keep: number == 0 ? 0 : 1, substitutes)
            dOutput += linear.outputs * places
        }
        // Where attention and MLP read the same stream, the MLP's share waits until attention's way back has read the
        // gradient of their sum.
        guard goesOn, !layer.shape.isParallel else { return }
        normaliseBack(dStream, dNormed, at.middle, layer.mlpNorm, at.mlpStatistics)
    }

    private func attendBack(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ substitutes: (any Substitutes)?, goesOn: Bool
    ) {
        let attention = layer.shape.attention
        applyBack(layer.output, input: at.mixed, dOutput: dStream, dInput: goesOn ? dMixed : nil, keep: 0, substitutes)
        if layer.shape.isParallel {
            normaliseBack(dStream, dNormed, at.input, layer.mlpNorm, at.mlpStatistics)
        }
        guard goesOn else { return }
        let projected = (attention.heads + 2 * attention.keyValueHeads) * attention.headSize
        dProjected.update(repeating: 0, count: projected * places)
        forEachHead(attention) { head, row, heads in
            ck_attention_backward(
                dProjected + heads.query(head) + row, dProjected + heads.key(of: head) + row,
                dProjected + heads.value(of: head) + row, attentionScratch, dMixed + heads.output(head) + row,
                at.mixed + heads.output(head) + row, at.logSums + head * places + row,
                at.projected + heads.query(head) + row, at.projected + heads.key(of: head) + row,
                at.projected + heads.value(of: head) + row, attention.scale, attention.window ?? length,
                attention.headSize, length, places)
        }
    }

    private func projectBack(
        _ layer: TransformerWeights.Layer, _ at: LayerMemory, _ index: Int, _ substitutes: (any Substitutes)?,
        goesOn: Bool
    ) {
        turn(layer, dProjected, index, direction: -1)
        var dOutput = dProjected
        for (number, linear) in layer.projections.enumerated() {
            applyBack(
                linear, input: at.normed, dOutput: dOutput, dInput: goesOn ? dNormed : nil, keep: number == 0 ? 0 : 1,
                substitutes)
            dOutput += linear.outputs * places
        }
        guard goesOn else { return }
        normaliseBack(dStream, dNormed, at.input, layer.attentionNorm, at.normedStatistics)
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

    private func normaliseBack(
        _ dx: Floats, _ dy: Floats, _ x: Floats, _ norm: TransformerWeights.Norm, _ statistics: Floats
    ) {
        ck_norm_backward(
            dx, weightGradients.map { $0 + norm.weight }, weightGradients.flatMap { d in norm.bias.map { d + $0 } }, dy,
            x, statistics, statistics + places, weights.pointer + norm.weight, norm.bias == nil ? 0 : 1,
            weights.shape.width, places)
    }

    private func applyBack(
        _ linear: TransformerWeights.Linear, input: Floats, dOutput: Floats, dInput: Floats?, keep: Float,
        _ substitutes: (any Substitutes)?
    ) {
        if let module = linear.module, let substitutes, substitutes.replaces(module) {
            substitutes.applyBack(module, input: input, dOutput: dOutput, dInput: dInput, keep: keep)
            return
        }
        if let gradients = weightGradients {
            product(
                into: gradients + linear.weight, dOutput, input, m: linear.outputs, n: linear.inputs, k: places, .none,
                .transposed, keep: 1)
            if let bias = linear.bias { ck_sum_rows(gradients + bias, dOutput, linear.outputs, places) }
        }
        guard let dInput else { return }
        if let packed = maps?[linear] {
            packed.multiplyTransposed(dOutput, into: dInput, places, keep: keep != 0)
        } else {
            product(
                into: dInput, weights.pointer + linear.weight, dOutput, m: linear.inputs, n: places, k: linear.outputs,
                .transposed, keep: keep)
        }
    }
}
