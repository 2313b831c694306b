internal import CKernels

/// Losses behind a model's head, in tiles of some tokens of the vocabulary by some places: no tensor of size
/// places × vocabulary ever exists.
///
/// With p = softmax(head x) of the target and q of a run with outputs y and the same head,
/// kl = (x - y)·E + log Z_y - log Z_x, where E = Σ_v p_v head_v, and dkl/dy = Σ_v q_v head_v - E. So the target's share is
/// computed once, and a run takes one pass over the vocabulary.
///
/// A crew shares the places, some at a time; each thread has tiles of its own.
final class HeadWork {
    /// The evaluation of the target's outputs.
    struct Target {
        /// The final norm's output (width, places), or whatever else the head reads.
        let x: Floats
        /// E (width, places).
        let expectation: Floats
        /// log Z of each place.
        let logSums: UnsafeMutablePointer<Double>
    }

    /// A decomposed head's side of a run: logits = Uᵀ z.
    struct Components {
        /// z (C, places), and room for its gradient.
        let z: Floats
        let dz: Floats
        /// U (C, vocabulary), and its gradient's accumulator.
        let u: Floats
        let dU: Floats
        let count: Int
    }

    let vocabulary: Int
    let width: Int
    private let head: Floats
    /// The head's packed tiles; nil while the weights are trained.
    private let maps: PackedMaps?
    private let tokensPerTile: Int
    private let crew: Crew
    private let memory: PerThread<HeadMemory>
    /// The order in which pieces add to a decomposed head's gradients, where several threads do.
    private let turns: Turns?
    /// What each piece gives to a loss.
    private let losses: UnsafeMutablePointer<Double>
    private let gains: UnsafeMutablePointer<Double>
    /// log Z of the last run's places.
    let logSums: UnsafeMutablePointer<Double>

    /// - Throws: `outOfMemory`.
    init(
        weights: TransformerWeights, maps: PackedMaps? = nil, places: Int, crew: Crew = .alone,
        memory: PerThread<HeadMemory>, isDecomposed: Bool = false
    ) throws(KernelError) {
        self.maps = maps
        self.crew = crew
        self.memory = memory
        vocabulary = weights.shape.vocabulary
        width = weights.shape.width
        head = weights.pointer + weights.head
        tokensPerTile = HeadMemory.tokens(weights.shape)
        let tiles = (weights.shape.vocabulary + tokensPerTile - 1) / tokensPerTile
        turns = isDecomposed && !crew.isAlone ? try Turns(sections: tiles) : nil
        losses = .allocate(capacity: places)
        gains = .allocate(capacity: places)
        logSums = .allocate(capacity: places)
    }

    deinit {
        losses.deallocate()
        gains.deallocate()
        logSums.deallocate()
    }

    /// Shares some places at a time: `body` is given a thread's memory, the first place, and how many there are.
    ///
    /// What it computes of a place has to be the same whatever others there are.
    private func forEachColumns(of places: Int, _ body: (_ memory: HeadMemory, _ first: Int, _ count: Int) -> Void) {
        crew.shareColumns(places) { body(memory.own, $0.lowerBound, $0.count) }
    }

    /// Shares chunks of places that do not depend on the number of threads.
    private func forEachChunk(of places: Int, _ body: (_ memory: HeadMemory, _ first: Int, _ count: Int) -> Void) {
        crew.share(places, by: HeadMemory.fixedColumns) { body(memory.own, $0.lowerBound, $0.count) }
    }

    /// The sum of what `body` gives for chunks of places, in their order.
    private func sumOfChunks(
        of places: Int, _ body: (_ memory: HeadMemory, _ first: Int, _ count: Int) -> Double
    ) -> Double {
        let size = HeadMemory.fixedColumns
        forEachChunk(of: places) { losses[$1 / size] = body($0, $1, $2) }
        return (0..<(places + size - 1) / size).reduce(0) { $0 + losses[$1] }
    }

    /// Calls `body` for some tokens of the vocabulary at a time.
    private func forEachTile(_ body: (_ first: Int, _ count: Int) -> Void) {
        for first in stride(from: 0, to: vocabulary, by: tokensPerTile) {
            body(first, min(tokensPerTile, vocabulary - first))
        }
    }

    /// Some places of x (width, places) side by side: (width, columns).
    private func gather(_ x: Floats, _ memory: HeadMemory, columns: Int, of places: Int) -> Floats {
        guard columns < places else { return x }
        for f in 0..<width { (memory.chunk + f * columns).update(from: x + f * places, count: columns) }
        return memory.chunk
    }

    /// Logits (tokens, columns) of the frozen head for x (width, columns).
    private func logits(_ x: Floats, _ tokens: (first: Int, count: Int), columns: Int, into out: Floats) {
        if let maps {
            maps.head(from: tokens.first).multiply(x, into: out, columns)
        } else {
            product(into: out, head + tokens.first * width, x, m: tokens.count, n: columns, k: width)
        }
    }

    /// Takes a tile of weights of tokens back to the head's inputs: adds to the sums (width, columns).
    private func addInputs(_ memory: HeadMemory, _ tokens: (first: Int, count: Int), columns: Int) {
        if let maps {
            maps.head(from: tokens.first).multiplyTransposed(memory.tile, into: memory.sums, columns, keep: true)
        } else {
            product(
                into: memory.sums, head + tokens.first * width, memory.tile, m: width, n: columns, k: tokens.count,
                .transposed, keep: 1)
        }
    }

    /// Passes once over the vocabulary for x (width, columns): leaves the places' sums of exponentials in `tops` and
    /// `totals` and, if asked, Σ_v exp(logit_v - top) head_v in `sums`.
    private func exponentials(_ x: Floats, _ memory: HeadMemory, columns: Int, summing: Bool) {
        memory.restart(columns)
        if summing { memory.sums.update(repeating: 0, count: width * columns) }
        forEachTile { first, count in
            logits(x, (first, count), columns: columns, into: memory.tile)
            ck_softmax_tile(memory.tile, memory.tops, memory.totals, memory.rescale, count, columns)
            guard summing else { return }
            ck_scale_rows(memory.sums, memory.rescale, width, columns)
            addInputs(memory, (first, count), columns: columns)
        }
    }
}

// MARK: The frozen head

extension HeadWork {
    /// Evaluates the target's outputs x (width, places); E only if it is asked for.
    func measure(_ target: Target, places: Int, withExpectation: Bool) {
        forEachColumns(of: places) { memory, first, columns in
            exponentials(
                gather(target.x + first, memory, columns: columns, of: places), memory, columns: columns,
                summing: withExpectation)
            for column in 0..<columns { target.logSums[first + column] = memory.logTotal(column) }
            guard withExpectation else { return }
            ck_expectation(target.expectation + first, places, memory.sums, memory.totals, nil, 1, width, columns)
        }
    }

    /// Leaves the `logSums` of a run's outputs y (width, places) behind, nothing else.
    func measure(_ y: Floats, places: Int) {
        forEachColumns(of: places) { memory, first, columns in
            exponentials(
                gather(y + first, memory, columns: columns, of: places), memory, columns: columns, summing: false)
            for column in 0..<columns { logSums[first + column] = memory.logTotal(column) }
        }
    }

    /// The sum over places of the kl between a run's outputs y and the target's; leaves the run's `logSums` behind.
    ///
    /// With dy, sets it to `scale` times the gradient of y.
    func divergence(of y: Floats, from target: Target, places: Int, dy: Floats?, scale: Float) -> Double {
        forEachColumns(of: places) { memory, first, columns in
            exponentials(
                gather(y + first, memory, columns: columns, of: places), memory, columns: columns, summing: dy != nil)
            for column in 0..<columns { logSums[first + column] = memory.logTotal(column) }
            guard let dy else { return }
            ck_expectation(
                dy + first, places, memory.sums, memory.totals, target.expectation + first, scale, width, columns)
        }
        ck_gain(gains, target.x, y, target.expectation, width, places)
        return (0..<places).reduce(0) { $0 + gains[$1] + logSums[$1] - target.logSums[$1] }
    }

    /// The sum over places and tokens of the squared difference between a run's logits and the target's.
    ///
    /// `gram` is headᵀ head (width, width); with dy, sets it to `scale` times the gradient of y.
    func squaredError(
        of y: Floats, from target: Target, gram: Floats, places: Int, dy: Floats?, scale: Float
    ) -> Double {
        sumOfChunks(of: places) { memory, first, columns in
            var total = 0.0
            // δ = y - x; |head δ|² = δ·(gram δ), and its gradient is 2 gram δ.
            let (delta, image) = (memory.sums, memory.tile)
            for f in 0..<width {
                ck_subtract(
                    delta + f * columns, y + f * places + first, target.x + f * places + first, columns)
            }
            for part in stride(from: 0, to: width, by: tokensPerTile) {
                let count = min(tokensPerTile, width - part)
                product(into: image, gram + part * width, delta, m: count, n: columns, k: width)
                total += ck_dot(delta + part * columns, image, count * columns)
                guard let dy else { continue }
                for f in 0..<count {
                    ck_set_scaled(dy + (part + f) * places + first, image + f * columns, 2 * scale, columns)
                }
            }
            return total
        }
    }

    /// The sum over places of -log softmax at each place's label, for outputs with these `logSums`.
    func crossEntropy(
        of y: Floats, logSums: UnsafePointer<Double>, labels: UnsafePointer<Int32>, count: Int, places: Int
    )
        -> Double
    {
        ck_label_logits(gains, y, places, head, width, 1, labels, width, count)
        return (0..<count).reduce(0) { $0 + logSums[$1] - gains[$1] }
    }
}

// MARK: A head in training

extension HeadWork {
    /// The sum over places of -log softmax at each place's label, where it has one that is not negative; sets dy to `scale`
    /// times its gradient and adds the head's to dHead (vocabulary, width).
    func trainedCrossEntropy(
        of y: Floats, labels: UnsafePointer<Int32>, places: Int, dy: Floats, dHead: Floats, scale: Float
    ) -> Double {
        var total = 0.0
        forEachColumns(of: places) { memory, first, columns in
            let tile = memory.tile
            let x = gather(y + first, memory, columns: columns, of: places)
            exponentials(x, memory, columns: columns, summing: false)
            for column in 0..<columns { memory.logs[column] = Float(memory.logTotal(column)) }
            forEachTile { token, count in
                logits(x, (token, count), columns: columns, into: tile)
                total += ck_entropy_tile(tile, memory.logs, labels + first, Int32(token), scale, count, columns)
                product(
                    into: dy + first, head + token * width, tile, m: width, n: columns, k: count, .transposed,
                    keep: token == 0 ? 0 : 1, strides: (places, nil, nil))
                product(
                    into: dHead + token * width, tile, x, m: count, n: width, k: columns, .none, .transposed, keep: 1)
            }
        }
        return total
    }
}

// MARK: A decomposed head

extension HeadWork {
    private func logits(
        _ run: Components, _ tokens: (first: Int, count: Int), first: Int, columns: Int, of places: Int,
        into out: Floats
    ) {
        product(
            into: out, run.u + tokens.first, run.z + first, m: tokens.count, n: columns, k: run.count, .transposed,
            strides: (nil, vocabulary, places))
    }

    /// Leaves the places' sums of exponentials in `tops` and `totals`.
    private func exponentials(_ run: Components, _ memory: HeadMemory, first: Int, columns: Int, of places: Int) {
        memory.restart(columns)
        forEachTile { token, count in
            logits(run, (token, count), first: first, columns: columns, of: places, into: memory.tile)
            ck_softmax_tile(memory.tile, memory.tops, memory.totals, memory.rescale, count, columns)
        }
        for column in 0..<columns { logSums[first + column] = memory.logTotal(column) }
    }

    /// As the frozen head's `divergence`: with `isTrained`, sets dz and adds to dU.
    func divergence(
        of run: Components, from target: Target, places: Int, isTrained: Bool, scale: Float
    ) -> Double {
        turns?.restart()
        forEachChunk(of: places) { memory, first, columns in
            exponentials(run, memory, first: first, columns: columns, of: places)
            for column in 0..<columns {
                memory.logs[column] = Float(logSums[first + column])
                memory.otherLogs[column] = Float(target.logSums[first + column])
            }
            (gains + first).update(repeating: 0, count: columns)
            let x = gather(target.x + first, memory, columns: columns, of: places)
            forEachTile { token, count in
                logits(run, (token, count), first: first, columns: columns, of: places, into: memory.tile)
                logits(x, (token, count), columns: columns, into: memory.otherTile)
                ck_kl_tile(
                    memory.tile, memory.otherTile, gains + first, memory.logs, memory.otherLogs, scale, count, columns)
                if isTrained { takeBack(run, memory.tile, (token, count), first: first, columns: columns, of: places) }
            }
        }
        return (0..<places).reduce(0) { $0 + gains[$1] + logSums[$1] - target.logSums[$1] }
    }

    /// As the frozen head's `squaredError`.
    func squaredError(
        of run: Components, from target: Target, places: Int, isTrained: Bool, scale: Float
    ) -> Double {
        turns?.restart()
        return sumOfChunks(of: places) { memory, first, columns in
            var total = 0.0
            let x = gather(target.x + first, memory, columns: columns, of: places)
            forEachTile { token, count in
                logits(run, (token, count), first: first, columns: columns, of: places, into: memory.tile)
                logits(x, (token, count), columns: columns, into: memory.otherTile)
                total += ck_mse_tile(memory.tile, memory.otherTile, scale, count * columns)
                if isTrained { takeBack(run, memory.tile, (token, count), first: first, columns: columns, of: places) }
            }
            return total
        }
    }

    /// Takes a tile of gradients of logits back to z and U.
    private func takeBack(
        _ run: Components, _ tile: Floats, _ tokens: (first: Int, count: Int), first: Int, columns: Int, of places: Int
    ) {
        product(
            into: run.dz + first, run.u + tokens.first, tile, m: run.count, n: columns, k: tokens.count,
            keep: tokens.first == 0 ? 0 : 1, strides: (places, vocabulary, nil))
        // Places add to U's gradient in their order.
        let section = tokens.first / tokensPerTile
        turns?.reach(section, piece: first / HeadMemory.fixedColumns)
        product(
            into: run.dU + tokens.first, run.z + first, tile, m: run.count, n: tokens.count, k: columns, .none,
            .transposed, keep: 1, strides: (vocabulary, places, nil))
        turns?.pass(section)
    }

    /// The sum over places of -log softmax at each place's label, for a run with the present `logSums`.
    func crossEntropy(of run: Components, labels: UnsafePointer<Int32>, count: Int, places: Int) -> Double {
        ck_label_logits(gains, run.z, places, run.u, 1, vocabulary, labels, run.count, count)
        return (0..<count).reduce(0) { $0 + logSums[$1] - gains[$1] }
    }

    /// Leaves a run's `logSums` behind, nothing else.
    func measure(_ run: Components, places: Int) {
        forEachChunk(of: places) { exponentials(run, $0, first: $1, columns: $2, of: places) }
    }
}
