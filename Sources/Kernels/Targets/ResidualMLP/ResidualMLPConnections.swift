internal import CKernels

/// The residual stream of a residual MLP, written out of existence.
///
/// What is added to the stream (sources: the input through W_E, a layer's neurons through W_out, its masked inner
/// activations through U) and what reads it (V and W_in of later layers, W_U) meet in products of two matrices, so
/// that nothing of size rows × d_embed is ever formed: x W_E V = x (W_E V), (a * m) U W_U = (a * m) (U W_U). The same
/// products turn what is accumulated per connection into gradients of V and U.
final class ResidualMLPConnections {
    let features: Int
    let embedding: Int
    let neurons: Int
    let layers: Int
    let c: Int
    /// By layer: the index of its decomposed mlp_in and mlp_out.
    let inModule: [Int?]
    let outModule: [Int?]
    let layout: ParameterLayout

    // Fixed, from the target's weights alone.
    /// W_E W_in_lᵀ (features, neurons), by layer.
    let embeddingToNeurons: [PackedMatrix]
    /// W_out_kᵀ W_in_lᵀ (neurons, neurons), by l then k < l.
    let neuronsToNeurons: [[PackedMatrix]]
    /// W_out_kᵀ W_U (neurons, features), by layer.
    let neuronsToOutput: [PackedMatrix]
    /// W_E W_U (features, features).
    let embeddingToOutput: PackedMatrix
    /// What biases add to the neurons of each layer, and to the output, of the unmodified target.
    let neuronBias: [Storage]
    let inBias: [Storage?]
    let outputBias: Storage

    // Of the current parameters.
    /// W_E V_l (features, C) and the biases' share (C), by layer.
    let embeddingToV: [PackedMatrix?]
    let biasToV: [Storage?]
    /// W_out_kᵀ V_l (neurons, C), by l then k < l.
    let neuronsToV: [[PackedMatrix?]]
    /// U_k V_l (C, C), by l then k < l.
    let maskedToV: [[PackedMatrix?]]
    /// U_k W_in_lᵀ (C, neurons), by l then k < l.
    let maskedToNeurons: [[PackedMatrix?]]
    /// U_k W_U (C, features), by layer.
    let maskedToOutput: [PackedMatrix?]
    /// U of mlp_in (C, neurons) and V of mlp_out (neurons, C), by layer.
    let inU: [PackedMatrix?]
    let outV: [PackedMatrix?]

    private let weightE: Storage
    private let weightU: Storage
    private let weightIn: [Storage]
    private let weightOut: [Storage]
    private let biasOut: [Storage?]
    private var tasks: [(Floats) -> Void] = []

    init(_ target: ResidualMLPTarget, inModule: [Int?], outModule: [Int?], layout: ParameterLayout) {
        let (f, d, m) = (target.features, target.embedding.shape[1], target.layers.first?.input.shape[0] ?? 0)
        let (count, c) = (target.layers.count, layout.subcomponents)
        (features, embedding, neurons, layers) = (f, d, m, count)
        (self.c, self.layout, self.inModule, self.outModule) = (c, layout, inModule, outModule)
        let (weightE, weightU) = (Storage(target.embedding.values), Storage(target.unembedding.values))
        let weightIn = target.layers.map { Storage($0.input.values) }
        let weightOut = target.layers.map { Storage($0.output.values) }
        let biasOut = target.layers.map { $0.outputBias.map { Storage($0.values) } }
        func formed(_ rows: Int, _ columns: Int, _ form: (Floats) -> Void) -> Storage {
            let storage = Storage(count: rows * columns)
            form(storage.pointer)
            return storage
        }
        func packed(_ rows: Int, _ columns: Int, takesInputs: Bool = false, _ form: (Floats) -> Void) -> PackedMatrix {
            PackedMatrix(
                rows: rows, columns: columns, values: formed(rows, columns, form), takesInputs: takesInputs)
        }
        embeddingToNeurons = weightIn.map { input in
            packed(f, m, takesInputs: true) {
                product(into: $0, weightE.pointer, input.pointer, m: f, n: m, k: d, .none, .transposed)
            }
        }
        neuronsToNeurons = (0..<count).map { l in
            (0..<l).map { k in
                packed(m, m) {
                    product(
                        into: $0, weightOut[k].pointer, weightIn[l].pointer, m: m, n: m, k: d, .transposed,
                        .transposed)
                }
            }
        }
        neuronsToOutput = weightOut.map { output in
            packed(m, f) { product(into: $0, output.pointer, weightU.pointer, m: m, n: f, k: d, .transposed) }
        }
        embeddingToOutput = packed(f, f) {
            product(into: $0, weightE.pointer, weightU.pointer, m: f, n: f, k: d)
        }
        inBias = target.layers.map { $0.inputBias.map { Storage($0.values) } }
        neuronBias = (0..<count).map { l in
            formed(1, m) { bias in
                if let own = target.layers[l].inputBias { bias.update(from: own.values, count: m) }
                for earlier in biasOut[..<l].compactMap(\.self) {
                    product(
                        into: bias, earlier.pointer, weightIn[l].pointer, m: 1, n: m, k: d, .none,
                        .transposed, keep: 1)
                }
            }
        }
        outputBias = formed(1, f) { bias in
            for own in biasOut.compactMap(\.self) {
                product(into: bias, own.pointer, weightU.pointer, m: 1, n: f, k: d, keep: 1)
            }
        }
        func reserved(_ wanted: Bool, _ rows: Int, _ columns: Int) -> PackedMatrix? {
            wanted ? PackedMatrix(rows: rows, columns: columns) : nil
        }
        embeddingToV = inModule.map { $0 == nil ? nil : PackedMatrix(rows: f, columns: c, takesInputs: true) }
        biasToV = (0..<count).map { l in
            inModule[l] != nil && biasOut[..<l].contains { $0 != nil } ? Storage(count: c) : nil
        }
        neuronsToV = (0..<count).map { l in (0..<l).map { _ in reserved(inModule[l] != nil, m, c) } }
        maskedToV = (0..<count).map { l in
            (0..<l).map { reserved(inModule[l] != nil && outModule[$0] != nil, c, c) }
        }
        maskedToNeurons = (0..<count).map { l in (0..<l).map { reserved(outModule[$0] != nil, c, m) } }
        maskedToOutput = outModule.map { reserved($0 != nil, c, f) }
        inU = inModule.map { reserved($0 != nil, c, m) }
        outV = outModule.map { reserved($0 != nil, m, c) }
        (self.weightE, self.weightU, self.weightIn, self.weightOut) = (weightE, weightU, weightIn, weightOut)
        self.biasOut = biasOut
        tasks = preparationTasks()
    }

    var hasBiases: Bool { (inBias + biasOut).contains { $0 != nil } }

    // MARK: Before a step's passes

    /// How many independent pieces of work `prepare` falls into.
    var preparations: Int { tasks.count }

    /// Computes one of the products that depend on the parameters.
    func prepare(_ piece: Int, parameters: Floats) {
        tasks[piece](parameters)
    }

    /// How many rows of a connection, or of a gradient at the end, are one piece of work: several dozen threads find some
    /// in resid_mlp3, and the largest piece takes a millisecond or so.
    private static let rowsPerPiece = 250

    private static func pieces(of rows: Int) -> [Range<Int>] {
        let count = (rows + rowsPerPiece - 1) / rowsPerPiece
        return (0..<count).map { rows * $0 / count..<rows * ($0 + 1) / count }
    }

    /// The largest products first, so threads end together.
    private func preparationTasks() -> [(Floats) -> Void] {
        let (f, d, m, c) = (features, embedding, neurons, c)
        var tasks: [(cost: Int, run: (Floats) -> Void)] = []
        /// A connection (height, width) that `form` computes some rows of from the parameters.
        func task(
            _ result: PackedMatrix,
            _ form: @escaping (_ into: Floats, _ parameters: Floats, _ first: Int, _ count: Int) -> Void
        ) {
            let room = Storage(count: result.rows * result.columns)
            for rows in Self.pieces(of: result.rows) {
                let first = rows.lowerBound
                tasks.append(
                    (
                        rows.count * result.columns,
                        {
                            form(room.pointer + first * result.columns, $0, first, rows.count)
                            result.pack(room.pointer, rows: rows)
                        }
                    ))
            }
        }
        for l in 0..<layers {
            for k in 0..<l {
                if let result = maskedToV[l][k], let u = u(k), let v = v(l) {
                    task(result) { product(into: $0, $1 + u + $2 * d, $1 + v, m: $3, n: c, k: d) }
                }
                if let result = maskedToNeurons[l][k], let u = u(k) {
                    let input = weightIn[l].pointer
                    task(result) {
                        product(into: $0, $1 + u + $2 * d, input, m: $3, n: m, k: d, .none, .transposed)
                    }
                }
                if let result = neuronsToV[l][k], let v = v(l) {
                    let output = weightOut[k].pointer
                    task(result) {
                        product(
                            into: $0, output + $2, $1 + v, m: $3, n: c, k: d, .transposed, strides: (nil, m, nil))
                    }
                }
            }
            if let result = embeddingToV[l], let v = v(l) {
                let weightE = weightE.pointer
                task(result) { product(into: $0, weightE + $2 * d, $1 + v, m: $3, n: c, k: d) }
            }
            if let result = biasToV[l], let v = v(l) {
                let earlier = biasOut[..<l].compactMap(\.self)
                tasks.append(
                    (
                        c,
                        { parameters in
                            result.clear()
                            for bias in earlier {
                                product(
                                    into: result.pointer, bias.pointer, parameters + v, m: 1, n: c, k: d,
                                    keep: 1)
                            }
                        }
                    ))
            }
            if let result = maskedToOutput[l], let u = u(l) {
                let weightU = weightU.pointer
                task(result) { product(into: $0, $1 + u + $2 * d, weightU, m: $3, n: f, k: d) }
            }
            if let result = inU[l], let module = inModule[l] {
                let u = layout.modules[module].u
                tasks.append((c * m, { result.pack($0 + u) }))
            }
            if let result = outV[l], let module = outModule[l] {
                let v = layout.modules[module].v
                tasks.append((c * m, { result.pack($0 + v) }))
            }
        }
        return tasks.sorted { $0.cost > $1.cost }.map(\.run)
    }

    private func v(_ layer: Int) -> Int? { inModule[layer].map { layout.modules[$0].v } }
    private func u(_ layer: Int) -> Int? { outModule[layer].map { layout.modules[$0].u } }

    // MARK: After a step's passes

    /// Some rows of a module's gradient of V (mlp_in) or of U (mlp_out), and with the first rows all of the other.
    struct Finish {
        let layer: Int
        let module: Int
        let isIn: Bool
        let rows: Range<Int>
    }

    /// The pieces of work after a step's passes, the largest first, so threads end together.
    func finishes() -> [Finish] {
        var pieces: [(cost: Int, piece: Finish)] = []
        func add(_ layer: Int, _ module: Int?, isIn: Bool, height: Int, partners: ArraySlice<Int?>) {
            guard let module else { return }
            let cost = partners.count { $0 != nil }
            for rows in Self.pieces(of: height) {
                pieces.append((cost, Finish(layer: layer, module: module, isIn: isIn, rows: rows)))
            }
        }
        for layer in 0..<layers {
            add(layer, inModule[layer], isIn: true, height: embedding, partners: outModule[..<layer])
            add(layer, outModule[layer], isIn: false, height: c, partners: inModule[(layer + 1)...])
        }
        return pieces.sorted { $0.cost > $1.cost }.map(\.piece)
    }

    /// Adds a piece of the gradients: V of mlp_in through all that it reads, U of mlp_out through all that reads it, the
    /// other one as accumulated.
    func finish(_ piece: Finish, accumulated: Accumulators, parameters: Floats, gradients: Floats) {
        (piece.isIn ? finishIn : finishOut)(piece, accumulated, parameters, gradients)
    }

    private func finishIn(_ piece: Finish, _ accumulated: Accumulators, _ parameters: Floats, _ gradients: Floats) {
        let (f, d, m, c) = (features, embedding, neurons, c)
        let (l, first, count, place) = (
            piece.layer, piece.rows.lowerBound, piece.rows.count, layout.modules[piece.module]
        )
        if first == 0 { ck_add(gradients + place.u, accumulated.inU[l], c * m) }
        let dv = gradients + place.v + first * c
        product(
            into: dv, weightE.pointer + first, accumulated.embeddingToV[l], m: count, n: c, k: f, .transposed, keep: 1,
            strides: (nil, d, nil))
        for k in 0..<l {
            product(
                into: dv, weightOut[k].pointer + first * m, accumulated.neuronsToV[l][k], m: count, n: c, k: m, keep: 1)
            if let bias = biasOut[k] {
                product(into: dv, bias.pointer + first, accumulated.biasToV[l], m: count, n: c, k: 1, keep: 1)
            }
            if let u = u(k) {
                product(
                    into: dv, parameters + u + first, accumulated.maskedToV[l][k], m: count, n: c, k: c, .transposed,
                    keep: 1, strides: (nil, d, nil))
            }
        }
    }

    private func finishOut(_ piece: Finish, _ accumulated: Accumulators, _ parameters: Floats, _ gradients: Floats) {
        let (f, d, m, c) = (features, embedding, neurons, c)
        let (k, first, count, place) = (
            piece.layer, piece.rows.lowerBound, piece.rows.count, layout.modules[piece.module]
        )
        if first == 0 { ck_add(gradients + place.v, accumulated.outV[k], m * c) }
        let du = gradients + place.u + first * d
        product(
            into: du, accumulated.maskedToOutput[k] + first * f, weightU.pointer, m: count, n: d, k: f, .none,
            .transposed, keep: 1)
        for l in k + 1..<max(layers, k + 1) {
            product(
                into: du, accumulated.maskedToNeurons[l][k] + first * m, weightIn[l].pointer, m: count, n: d, k: m,
                keep: 1)
            if let v = v(l) {
                product(
                    into: du, accumulated.maskedToV[l][k] + first * c, parameters + v, m: count, n: d, k: c, .none,
                    .transposed, keep: 1)
            }
        }
    }

    /// Where a part adds up the gradients of the connections, and of what is not reached through one.
    struct Accumulators {
        /// Gradients of U of mlp_in (C, neurons) and of V of mlp_out (neurons, C), by layer.
        let inU: [Floats]
        let outV: [Floats]
        let embeddingToV: [Floats]
        let biasToV: [Floats]
        let neuronsToV: [[Floats]]
        let maskedToV: [[Floats]]
        let maskedToNeurons: [[Floats]]
        let maskedToOutput: [Floats]
        let count: Int

        init(_ connections: ResidualMLPConnections, at base: Floats) {
            let (f, m, c) = (connections.features, connections.neurons, connections.c)
            let layers = 0..<connections.layers
            var next = 0
            func take(_ wanted: Bool, _ count: Int) -> Floats {
                defer { next += wanted ? (count + 15) & ~15 : 0 }
                return base + next
            }
            let reads = connections.inModule.map { $0 != nil }
            let adds = connections.outModule.map { $0 != nil }
            inU = layers.map { take(reads[$0], c * m) }
            outV = layers.map { take(adds[$0], m * c) }
            embeddingToV = layers.map { take(reads[$0], f * c) }
            biasToV = layers.map { take(reads[$0], c) }
            neuronsToV = layers.map { l in (0..<l).map { _ in take(reads[l], m * c) } }
            maskedToV = layers.map { l in (0..<l).map { take(reads[l] && adds[$0], c * c) } }
            maskedToNeurons = layers.map { l in (0..<l).map { take(adds[$0], c * m) } }
            maskedToOutput = layers.map { take(adds[$0], c * f) }
            count = next
        }
    }
}
