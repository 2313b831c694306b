internal import CKernels

/// The passes of a residual MLP, through the connections between its sources and readers.
final class ResidualMLPNetwork: Network {
    let modules: [TargetModule]
    let outputs: Int
    let emptyRowsAreConstant: Bool
    private let connections: ResidualMLPConnections
    private let finishPieces: [ResidualMLPConnections.Finish]
    private let activation: Activation
    /// Whether outputs are needed whole; else only the part that masks can change is computed.
    private let wholeOutputs: Bool
    private let layout: ParameterLayout

    init(_ target: ResidualMLPTarget, decomposed: [Int], wholeOutputs: Bool, layout: ParameterLayout) {
        let all = target.modules
        modules = decomposed.map { all[$0] }
        outputs = target.features
        activation = target.activation
        self.wholeOutputs = wholeOutputs
        self.layout = layout
        let layers = target.layers.indices
        connections = ResidualMLPConnections(
            target, inModule: layers.map { decomposed.firstIndex(of: 2 * $0) },
            outModule: layers.map { decomposed.firstIndex(of: 2 * $0 + 1) }, layout: layout)
        finishPieces = connections.finishes()
        emptyRowsAreConstant = !connections.hasBiases
    }

    var accumulatorCount: Int {
        var probe: Float = 0
        return withUnsafeMutablePointer(to: &probe) {
            ResidualMLPConnections.Accumulators(connections, at: $0).count
        }
    }
    /// Each pair of a source and a reader, forward and of clean activations, and each layer's own.
    var mostSums: Int { 2 * (connections.layers + 1) * (connections.layers + 1) }
    var preparations: Int { connections.preparations }
    var finishes: Int { finishPieces.count }

    func prepare(_ piece: Int, parameters: Floats) {
        connections.prepare(piece, parameters: parameters)
    }

    func finish(_ piece: Int, accumulator: Floats, parameters: Floats, gradients: Floats) {
        connections.finish(
            finishPieces[piece], accumulated: ResidualMLPConnections.Accumulators(connections, at: accumulator),
            parameters: parameters, gradients: gradients)
    }

    // MARK: Scratch

    /// A layer's blocks, by the order they are cut from the scratch.
    private enum Block: Int, CaseIterable {
        /// (neurons, rows): x W_E W_inᵀ + bias; the target's neurons; the masked model's before and after activation;
        /// gradients before activation, and of the layer's contribution to the stream.
        case fromInput, clean, before, after, dBefore, dAfter
        /// (C, rows): x W_E V + bias, and its gradient beyond that of `inner`.
        case innerFromInput, dInnerFromInput
        /// (outputs, rows): the output's part that no mask changes; layer 0's is the only one used.
        case outputFromInput

        func height(_ c: ResidualMLPConnections) -> Int {
            switch self {
            case .innerFromInput, .dInnerFromInput: c.c
            case .outputFromInput: c.features
            default: c.neurons
            }
        }
    }

    private var heightPerLayer: Int { Block.allCases.reduce(0) { $0 + $1.height(connections) } }

    func scratchCount(rows: Int) -> Int { connections.layers * heightPerLayer * rows }

    private func block(_ block: Block, _ layer: Int, _ pass: Pass) -> Floats {
        let before = Block.allCases.prefix(block.rawValue).reduce(0) { $0 + $1.height(connections) }
        return pass.scratch + (layer * heightPerLayer + before) * pass.tile.capacity
    }

    // MARK: Forward

    func clean(_ pass: Pass) {
        let (tile, rows, n) = (pass.tile, pass.tile.rows, connections)
        for l in 0..<n.layers {
            let fromInput = block(.fromInput, l, pass)
            n.embeddingToNeurons[l].multiplyTransposed(
                input: tile, bias: n.neuronBias[l].pointer, into: fromInput, crew: pass.crew)
            let neurons = block(.clean, l, pass)
            neurons.update(from: fromInput, count: n.neurons * rows)
            for k in 0..<l {
                n.neuronsToNeurons[l][k].multiplyTransposed(
                    block(.clean, k, pass), into: neurons, rows, keep: true, crew: pass.crew)
            }
            activate(neurons, neurons, n.neurons * rows)
            if let module = n.inModule[l], let embeddingToV = n.embeddingToV[l] {
                let inner = tile.modules[module].inner
                // The first layer reads nothing but the input.
                let own = l == 0 ? inner : block(.innerFromInput, l, pass)
                embeddingToV.multiplyTransposed(input: tile, bias: n.biasToV[l]?.pointer, into: own, crew: pass.crew)
                if l > 0 {
                    inner.update(from: own, count: n.c * rows)
                    for k in 0..<l {
                        guard let connection = n.neuronsToV[l][k] else { continue }
                        connection.multiplyTransposed(
                            block(.clean, k, pass), into: inner, rows, keep: true, crew: pass.crew)
                    }
                    block(.dInnerFromInput, l, pass).update(repeating: 0, count: n.c * rows)
                }
            }
            if let module = n.outModule[l] {
                n.outV[l]?.multiplyTransposed(neurons, into: tile.modules[module].inner, rows, crew: pass.crew)
            }
        }
        let fixed = block(.outputFromInput, 0, pass)
        if wholeOutputs {
            ck_fill_rows(fixed, n.outputBias.pointer, outputs, rows)
            n.embeddingToOutput.multiplyTransposed(tile.x, into: fixed, rows, keep: true, crew: pass.crew)
        } else {
            fixed.update(repeating: 0, count: outputs * rows)
        }
        tile.target.update(from: fixed, count: outputs * rows)
        for k in 0..<n.layers {
            n.neuronsToOutput[k].multiplyTransposed(
                block(.clean, k, pass), into: tile.target, rows, keep: true, crew: pass.crew)
        }
    }

    func targetOutput(_ pass: Pass, into output: Floats) {
        let (tile, rows, n) = (pass.tile, pass.tile.rows, connections)
        output.update(from: tile.target, count: outputs * rows)
        guard !wholeOutputs else { return }
        ck_add_bias(output, n.outputBias.pointer, outputs, rows)
        n.embeddingToOutput.multiplyTransposed(tile.x, into: output, rows, keep: true, crew: pass.crew)
    }

    func forward(_ pass: Pass, replaced: ModuleSet) {
        let (tile, rows, n) = (pass.tile, pass.tile.rows, connections)
        let first = firstChanged(replaced)
        for l in first..<n.layers {
            let before = block(.before, l, pass)
            let after = block(.after, l, pass)
            let inIsReplaced = contains(replaced, n.inModule[l])
            if inIsReplaced, let module = n.inModule[l] {
                let share = tile.modules[module]
                if l > first {
                    share.maskedInner.update(from: block(.innerFromInput, l, pass), count: n.c * rows)
                    for k in 0..<l {
                        let source = source(k, first: first, replaced, pass)
                        guard let connection = source.isMasked ? n.maskedToV[l][k] : n.neuronsToV[l][k] else {
                            continue
                        }
                        connection.multiplyTransposed(
                            source.values, into: share.maskedInner, rows, keep: true, crew: pass.crew)
                    }
                }
                share.mask(l > first ? share.maskedInner : share.inner, n.c * rows, pass.crew)
                n.inU[l]?.multiplyTransposed(share.masked, into: before, rows, crew: pass.crew)
                if let bias = n.inBias[l] { ck_add_bias(before, bias.pointer, n.neurons, rows) }
                activate(after, before, n.neurons * rows)
            } else if l == first {
                after.update(from: block(.clean, l, pass), count: n.neurons * rows)
            } else {
                before.update(from: block(.fromInput, l, pass), count: n.neurons * rows)
                for k in 0..<l {
                    let source = source(k, first: first, replaced, pass)
                    guard
                        let connection = source.isMasked ? n.maskedToNeurons[l][k] : n.neuronsToNeurons[l][k]
                    else {
                        continue
                    }
                    connection.multiplyTransposed(source.values, into: before, rows, keep: true, crew: pass.crew)
                }
                activate(after, before, n.neurons * rows)
            }
            if contains(replaced, n.outModule[l]), let module = n.outModule[l] {
                let share = tile.modules[module]
                let isClean = l == first && !inIsReplaced
                if !isClean {
                    n.outV[l]?.multiplyTransposed(after, into: share.maskedInner, rows, crew: pass.crew)
                }
                share.mask(isClean ? share.inner : share.maskedInner, n.c * rows, pass.crew)
            }
        }
        tile.output.update(from: block(.outputFromInput, 0, pass), count: outputs * rows)
        for k in 0..<n.layers {
            let source = source(k, first: first, replaced, pass)
            guard let connection = source.isMasked ? n.maskedToOutput[k] : n.neuronsToOutput[k] else {
                continue
            }
            connection.multiplyTransposed(source.values, into: tile.output, rows, keep: true, crew: pass.crew)
        }
    }

    /// What layer `k` adds to the stream in a masked run.
    private func source(
        _ k: Int, first: Int, _ replaced: ModuleSet, _ pass: Pass
    ) -> (values: Floats, height: Int, isMasked: Bool) {
        if k >= first, contains(replaced, connections.outModule[k]), let module = connections.outModule[k] {
            return (pass.tile.modules[module].masked, connections.c, true)
        }
        return (block(k < first ? .clean : .after, k, pass), connections.neurons, false)
    }

    // MARK: Backward

    func backward(_ pass: Pass, replaced: ModuleSet) {
        let (tile, rows, n) = (pass.tile, pass.tile.rows, connections)
        let sums = ResidualMLPConnections.Accumulators(n, at: pass.accumulator)
        let first = firstChanged(replaced)
        for l in (first..<n.layers).reversed() {
            let inIsReplaced = contains(replaced, n.inModule[l])
            var dAfter = block(.dAfter, l, pass)
            backwardReaders(of: l, first: first, replaced, sums, pass)
            if contains(replaced, n.outModule[l]), let module = n.outModule[l] {
                let share = tile.modules[module]
                let isClean = l == first && !inIsReplaced
                let inner = isClean ? share.inner : share.maskedInner
                let dInner = isClean ? share.dInner : share.maskedInner
                share.maskBack(inner, to: dInner, adding: isClean, n.c * rows, pass.crew)
                if isClean { return }
                pass.sums.addProduct(block(.after, l, pass), dInner, to: sums.outV[l], n.neurons, n.c, rows)
                n.outV[l]?.multiply(dInner, into: dAfter, rows, crew: pass.crew)
            }
            let dBefore = block(.dBefore, l, pass)
            switch activation {
            case .relu: ck_relu_backward(dBefore, dAfter, block(.before, l, pass), n.neurons * rows)
            case .gelu: ck_gelu_backward(dBefore, dAfter, block(.before, l, pass), n.neurons * rows)
            }
            dAfter = dBefore
            guard inIsReplaced, let module = n.inModule[l] else { continue }
            let share = tile.modules[module]
            pass.sums.addProduct(share.masked, dBefore, to: sums.inU[l], n.c, n.neurons, rows)
            n.inU[l]?.multiply(dBefore, into: share.masked, rows, crew: pass.crew)
            let dInner = l > first ? share.maskedInner : share.dInner
            share.maskBack(
                l > first ? share.maskedInner : share.inner, to: dInner, adding: l == first, n.c * rows, pass.crew)
            guard l > first else { continue }
            ck_add(block(.dInnerFromInput, l, pass), dInner, n.c * rows)
            for k in 0..<first {
                pass.sums.addProduct(block(.clean, k, pass), dInner, to: sums.neuronsToV[l][k], n.neurons, n.c, rows)
            }
        }
    }

    /// Sets the gradient of what layer `k` adds to the stream, from all that reads it.
    ///
    /// For a masked source it takes the place of `masked`. The connections' gradients are added up on the way.
    private func backwardReaders(
        of k: Int, first: Int, _ replaced: ModuleSet, _ sums: ResidualMLPConnections.Accumulators,
        _ pass: Pass
    ) {
        let (tile, rows, n) = (pass.tile, pass.tile.rows, connections)
        let source = source(k, first: first, replaced, pass)
        if source.isMasked {
            pass.sums.addProduct(source.values, tile.dOutput, to: sums.maskedToOutput[k], n.c, outputs, rows)
        }
        for l in k + 1..<max(n.layers, k + 1) {
            if contains(replaced, n.inModule[l]), let reader = n.inModule[l] {
                let sum = source.isMasked ? sums.maskedToV[l][k] : sums.neuronsToV[l][k]
                pass.sums.addProduct(
                    source.values, tile.modules[reader].maskedInner, to: sum, source.height, n.c, rows)
            } else if source.isMasked {
                pass.sums.addProduct(
                    source.values, block(.dBefore, l, pass), to: sums.maskedToNeurons[l][k], n.c, n.neurons, rows)
            }
        }
        let gradient = source.isMasked ? source.values : block(.dAfter, k, pass)
        let toOutput = source.isMasked ? n.maskedToOutput[k] : n.neuronsToOutput[k]
        toOutput?.multiply(tile.dOutput, into: gradient, rows, crew: pass.crew)
        for l in k + 1..<max(n.layers, k + 1) {
            if contains(replaced, n.inModule[l]), let reader = n.inModule[l] {
                guard let connection = source.isMasked ? n.maskedToV[l][k] : n.neuronsToV[l][k] else {
                    continue
                }
                connection.multiply(tile.modules[reader].maskedInner, into: gradient, rows, keep: true, crew: pass.crew)
            } else {
                guard let connection = source.isMasked ? n.maskedToNeurons[l][k] : n.neuronsToNeurons[l][k]
                else {
                    continue
                }
                connection.multiply(block(.dBefore, l, pass), into: gradient, rows, keep: true, crew: pass.crew)
            }
        }
    }

    func backwardInner(_ pass: Pass) {
        let (tile, rows, n) = (pass.tile, pass.tile.rows, connections)
        let sums = ResidualMLPConnections.Accumulators(n, at: pass.accumulator)
        for l in 0..<n.layers {
            if let module = n.outModule[l] {
                pass.sums.addProduct(
                    block(.clean, l, pass), tile.modules[module].dInner, to: sums.outV[l], n.neurons, n.c, rows)
            }
            guard let module = n.inModule[l] else { continue }
            let dInner = tile.modules[module].dInner
            for k in 0..<l {
                pass.sums.addProduct(block(.clean, k, pass), dInner, to: sums.neuronsToV[l][k], n.neurons, n.c, rows)
            }
            if l > 0 { ck_add(dInner, block(.dInnerFromInput, l, pass), n.c * rows) }
            pass.sums.addProduct(ofInput: tile, features: n.features, dInner, to: sums.embeddingToV[l], n.c)
            if n.biasToV[l] != nil {
                pass.sums.add(to: sums.biasToV[l], count: n.c) { sum, keep in
                    if keep == 0 { sum.update(repeating: 0, count: n.c) }
                    ck_sum_rows(sum, dInner, n.c, rows)
                }
            }
        }
    }

    // MARK: Pieces

    private func firstChanged(_ replaced: ModuleSet) -> Int {
        (0..<connections.layers).first {
            contains(replaced, connections.inModule[$0]) || contains(replaced, connections.outModule[$0])
        } ?? 0
    }

    private func contains(_ replaced: ModuleSet, _ module: Int?) -> Bool {
        module.map(replaced.contains) ?? false
    }

    private func activate(_ output: Floats, _ input: Floats, _ count: Int) {
        switch activation {
        case .relu: ck_relu(output, input, count)
        case .gelu: ck_gelu(output, input, count)
        }
    }
}
