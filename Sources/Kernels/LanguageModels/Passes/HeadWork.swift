internal import CKernels
import Glibc

/// Losses behind a model's head, in tiles of some tokens of the vocabulary by some places: no tensor of size
/// places × vocabulary ever exists.
///
/// With p = softmax(head x) of the target and q of a run with outputs y and the same head,
/// kl = (x - y)·E + log Z_y - log Z_x, where E = Σ_v p_v head_v, and dkl/dy = Σ_v q_v head_v - E. So the target's share is
/// computed once, and a run takes one pass over the vocabulary.
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
    private static let placesPerTile = 256
    private let tokensPerTile: Int
    /// What the head reads at the current places (width, columns).
    private let chunk: Floats
    private let tile: Floats
    private let otherTile: Floats
    private let sums: Floats
    private let tops: Floats
    private let rescale: Floats
    private let logs: Floats
    private let otherLogs: Floats
    private let storage: Storage
    private let totals: UnsafeMutablePointer<Double>
    private let gains: UnsafeMutablePointer<Double>
    /// log Z of the last run's places.
    let logSums: UnsafeMutablePointer<Double>

    init(weights: TransformerWeights, maps: PackedMaps? = nil, places: Int) {
        self.maps = maps
        vocabulary = weights.shape.vocabulary
        width = weights.shape.width
        head = weights.pointer + weights.head
        let (columns, tokens) = (min(Self.placesPerTile, places), min(PackedMaps.tokensPerTile, vocabulary))
        tokensPerTile = tokens
        let (storage, blocks) = Storage.blocks(
            [tokens * columns, tokens * columns, width * columns, width * columns]
                + Array(repeating: columns, count: 4))
        self.storage = storage
        tile = blocks[0]
        otherTile = blocks[1]
        sums = blocks[2]
        chunk = blocks[3]
        tops = blocks[4]
        rescale = blocks[5]
        logs = blocks[6]
        otherLogs = blocks[7]
        totals = .allocate(capacity: columns)
        gains = .allocate(capacity: places)
        logSums = .allocate(capacity: places)
    }

    deinit {
        totals.deallocate()
        gains.deallocate()
        logSums.deallocate()
    }

    /// Calls `body` for some places at a time: the first, and how many.
    private func forEachChunk(of places: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
        for first in stride(from: 0, to: places, by: Self.placesPerTile) {
            body(first, min(Self.placesPerTile, places - first))
        }
    }

    /// Calls `body` for some tokens of the vocabulary at a time.
    private func forEachTile(_ body: (_ first: Int, _ count: Int) -> Void) {
        for first in stride(from: 0, to: vocabulary, by: tokensPerTile) {
            body(first, min(tokensPerTile, vocabulary - first))
        }
    }

    /// Some places of x (width, places) side by side: (width, columns).
    private func gather(_ x: Floats, columns: Int, of places: Int) -> Floats {
        guard columns < places else { return x }
        for f in 0..<width { (chunk + f * columns).update(from: x + f * places, count: columns) }
        return chunk
    }

    /// Logits (tokens, columns) of the frozen head for x (width, columns).
    private func logits(_ x: Floats, _ tokens: (first: Int, count: Int), columns: Int, into out: Floats) {
        if let maps {
            maps.head(from: tokens.first).multiply(x, into: out, columns)
        } else {
            product(into: out, head + tokens.first * width, x, m: tokens.count, n: columns, k: width)
        }
    }

    /// Takes a tile of gradients of logits, or of weights of tokens, back to the head's inputs: adds to out (width, columns).
    private func addInputs(_ tokens: (first: Int, count: Int), columns: Int, to out: Floats) {
        if let maps {
            maps.head(from: tokens.first).multiplyTransposed(tile, into: out, columns, keep: true)
        } else {
            product(
                into: out, head + tokens.first * width, tile, m: width, n: columns, k: tokens.count, .transposed,
                keep: 1)
        }
    }

    /// Passes once over the vocabulary for x (width, columns): leaves the places' sums of exponentials in `tops` and
    /// `totals` and, if asked, Σ_v exp(logit_v - top) head_v in `sums`.
    private func exponentials(_ x: Floats, columns: Int, summing: Bool) {
        tops.update(repeating: -.infinity, count: columns)
        totals.update(repeating: 0, count: columns)
        if summing { sums.update(repeating: 0, count: width * columns) }
        forEachTile { first, count in
            logits(x, (first, count), columns: columns, into: tile)
            ck_softmax_tile(tile, tops, totals, rescale, count, columns)
            guard summing else { return }
            ck_scale_rows(sums, rescale, width, columns)
            addInputs((first, count), columns: columns, to: sums)
        }
    }

    private func logTotal(_ column: Int) -> Double { Double(tops[column]) + log(totals[column]) }
}

// MARK: The frozen head

extension HeadWork {
    /// Evaluates the target's outputs x (width, places); E only if it is asked for.
    func measure(_ target: Target, places: Int, withExpectation: Bool) {
        forEachChunk(of: places) { first, columns in
            exponentials(
                gather(target.x + first, columns: columns, of: places), columns: columns, summing: withExpectation)
            for column in 0..<columns { target.logSums[first + column] = logTotal(column) }
            guard withExpectation else { return }
            ck_expectation(target.expectation + first, places, sums, totals, nil, 1, width, columns)
        }
    }

    /// Leaves the `logSums` of a run's outputs y (width, places) behind, nothing else.
    func measure(_ y: Floats, places: Int) {
        forEachChunk(of: places) { first, columns in
            exponentials(gather(y + first, columns: columns, of: places), columns: columns, summing: false)
            for column in 0..<columns { logSums[first + column] = logTotal(column) }
        }
    }

    /// The sum over places of the kl between a run's outputs y and the target's; leaves the run's `logSums` behind.
    ///
    /// With dy, sets it to `scale` times the gradient of y.
    func divergence(of y: Floats, from target: Target, places: Int, dy: Floats?, scale: Float) -> Double {
        forEachChunk(of: places) { first, columns in
            exponentials(gather(y + first, columns: columns, of: places), columns: columns, summing: dy != nil)
            for column in 0..<columns { logSums[first + column] = logTotal(column) }
            guard let dy else { return }
            ck_expectation(dy + first, places, sums, totals, target.expectation + first, scale, width, columns)
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
        var total = 0.0
        forEachChunk(of: places) { first, columns in
            // δ = y - x; |head δ|² = δ·(gram δ), and its gradient is 2 gram δ.
            let (delta, image) = (sums, tile)
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
        }
        return total
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
        forEachChunk(of: places) { first, columns in
            let x = gather(y + first, columns: columns, of: places)
            exponentials(x, columns: columns, summing: false)
            for column in 0..<columns { logs[column] = Float(logTotal(column)) }
            forEachTile { token, count in
                logits(x, (token, count), columns: columns, into: tile)
                total += ck_entropy_tile(tile, logs, labels + first, Int32(token), scale, count, columns)
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

    /// As the frozen head's `divergence`: with `isTrained`, sets dz and adds to dU.
    func divergence(
        of run: Components, from target: Target, places: Int, isTrained: Bool, scale: Float
    ) -> Double {
        var total = 0.0
        forEachChunk(of: places) { first, columns in
            tops.update(repeating: -.infinity, count: columns)
            totals.update(repeating: 0, count: columns)
            forEachTile { token, count in
                logits(run, (token, count), first: first, columns: columns, of: places, into: tile)
                ck_softmax_tile(tile, tops, totals, rescale, count, columns)
            }
            for column in 0..<columns {
                logSums[first + column] = logTotal(column)
                logs[column] = Float(logSums[first + column])
                otherLogs[column] = Float(target.logSums[first + column])
            }
            gains.update(repeating: 0, count: columns)
            let x = gather(target.x + first, columns: columns, of: places)
            forEachTile { token, count in
                logits(run, (token, count), first: first, columns: columns, of: places, into: tile)
                logits(x, (token, count), columns: columns, into: otherTile)
                ck_kl_tile(tile, otherTile, gains, logs, otherLogs, scale, count, columns)
                if isTrained { takeBack(run, (token, count), first: first, columns: columns, of: places) }
            }
            for column in first..<first + columns {
                total += gains[column - first] + logSums[column] - target.logSums[column]
            }
        }
        return total
    }

    /// As the frozen head's `squaredError`.
    func squaredError(
        of run: Components, from target: Target, places: Int, isTrained: Bool, scale: Float
    ) -> Double {
        var total = 0.0
        forEachChunk(of: places) { first, columns in
            let x = gather(target.x + first, columns: columns, of: places)
            forEachTile { token, count in
                logits(run, (token, count), first: first, columns: columns, of: places, into: tile)
                logits(x, (token, count), columns: columns, into: otherTile)
                total += ck_mse_tile(tile, otherTile, scale, count * columns)
                if isTrained { takeBack(run, (token, count), first: first, columns: columns, of: places) }
            }
        }
        return total
    }

    /// Takes a tile of gradients of logits back to z and U.
    private func takeBack(
        _ run: Components, _ tokens: (first: Int, count: Int), first: Int, columns: Int, of places: Int
    ) {
        product(
            into: run.dz + first, run.u + tokens.first, tile, m: run.count, n: columns, k: tokens.count,
            keep: tokens.first == 0 ? 0 : 1, strides: (places, vocabulary, nil))
        product(
            into: run.dU + tokens.first, run.z + first, tile, m: run.count, n: tokens.count, k: columns, .none,
            .transposed, keep: 1, strides: (vocabulary, places, nil))
    }

    /// The sum over places of -log softmax at each place's label, for a run with the present `logSums`.
    func crossEntropy(of run: Components, labels: UnsafePointer<Int32>, count: Int, places: Int) -> Double {
        ck_label_logits(gains, run.z, places, run.u, 1, vocabulary, labels, run.count, count)
        return (0..<count).reduce(0) { $0 + logSums[$1] - gains[$1] }
    }

    /// Leaves a run's `logSums` behind, nothing else.
    func measure(_ run: Components, places: Int) {
        forEachChunk(of: places) { first, columns in
            tops.update(repeating: -.infinity, count: columns)
            totals.update(repeating: 0, count: columns)
            forEachTile { token, count in
                logits(run, (token, count), first: first, columns: columns, of: places, into: tile)
                ck_softmax_tile(tile, tops, totals, rescale, count, columns)
            }
            for column in 0..<columns { logSums[first + column] = logTotal(column) }
        }
    }
}
