internal import CKernels

/// A block of batch rows on its way through a step, small enough to stay in a core's cache.
///
/// Blocks are feature-major: (features, rows), one feature's rows contiguous. `rows` is a multiple of 16; rows beyond
/// the batch are zeros that count for nothing.
final class Tile {
    /// One decomposed module's share.
    struct Module {
        /// a = V x (C, rows), x the module's input in the unmodified target.
        let inner: Floats
        /// g (C, rows).
        let gate: Floats
        /// Causal importances as masks see them (C, rows).
        let ci: Floats
        let dInner: Floats
        let dci: Floats
        /// The uniform numbers of the current masks (C, rows).
        let uniforms: Floats
        /// The masked inner activations (C, rows); in the backward pass their gradient.
        let masked: Floats
        /// The inner activations where an earlier module is masked too (C, rows).
        let maskedInner: Floats
    }

    let capacity: Int
    var rows = 0
    let modules: [Module]
    /// The input (features, rows).
    let x: Floats
    /// The target's output (outputs, rows), or that part of it that masks can change.
    let target: Floats
    /// The masked model's output (outputs, rows), then its gradient.
    let output: Floats
    let dOutput: Floats
    /// For what a module's importance losses need once (C, rows).
    let ciUpper: Floats
    let dciUpper: Floats
    let dGate: Floats
    /// How many batch rows a row stands for: 1, for the row of zeros the number of empty rows, 0 for padding.
    let weight: Floats
    /// 1 where the output losses count the row.
    let live: Floats
    let rowIndex: UnsafeMutablePointer<UInt32>
    private let storage: Storage

    init(capacity: Int, features: Int, outputs: Int, modules count: Int, subcomponents: Int) {
        let block = subcomponents * capacity
        let sizes =
            [features * capacity] + Array(repeating: outputs * capacity, count: 3)
            + Array(repeating: block, count: 3 + 8 * count) + Array(repeating: capacity, count: 3)
        let rounded = sizes.map { ($0 + 15) & ~15 }
        let storage = Storage(count: rounded.reduce(0, +))
        var next = storage.pointer
        var sizesLeft = rounded[...]
        func take() -> Floats {
            defer { next += sizesLeft.popFirst() ?? 0 }
            return next
        }
        self.capacity = capacity
        self.storage = storage
        x = take()
        target = take()
        output = take()
        dOutput = take()
        ciUpper = take()
        dciUpper = take()
        dGate = take()
        modules = (0..<count).map { _ in
            Module(
                inner: take(), gate: take(), ci: take(), dInner: take(), dci: take(), uniforms: take(),
                masked: take(), maskedInner: take())
        }
        weight = take()
        live = take()
        rowIndex = UnsafeMutableRawPointer(take()).bindMemory(to: UInt32.self, capacity: capacity)
    }

    /// Takes up `source`'s rows from `first` on, as many as fit.
    ///
    /// - Returns: How many of the source's rows were taken.
    func load(_ source: BatchRows, from first: Int) -> Int {
        let taken = min(capacity, source.kept - first)
        rows = (taken + 15) & ~15
        ck_transpose(x, source.values + first * source.features, taken, source.features, rows)
        for row in 0..<rows {
            let counted = row < taken
            rowIndex[row] = counted ? source.index[first + row] : 0
            weight[row] = counted ? source.weight(of: first + row) : 0
            live[row] = counted ? 1 : 0
        }
        return taken
    }
}

/// The rows of a batch that belong to one part of a step.
///
/// Where rows of zeros come out the same under every mask, one row stands for all of them.
final class BatchRows {
    let features: Int
    /// The rows to work on (kept, features).
    let values: Floats
    /// The row's number in the batch; for the row that stands for the empty ones, that of one of them.
    let index: UnsafeMutablePointer<UInt32>
    private(set) var kept = 0
    private(set) var emptyRows = 0
    let range: Range<Int>
    private let storage: Storage
    private let indices: UnsafeMutableBufferPointer<UInt32>
    private let scratch: Storage
    private static let chunk = 128

    init(range: Range<Int>, features: Int) {
        self.range = range
        self.features = features
        storage = Storage(count: (range.count + 1) * features)
        values = storage.pointer
        indices = .allocate(capacity: range.count + 1)
        indices.initialize(repeating: 0)
        index = indices.baseAddress ?? UnsafeMutablePointer(bitPattern: 8).unsafelyUnwrapped
        scratch = Storage(count: 3 * Self.chunk * features)
    }

    deinit {
        indices.deallocate()
    }

    /// How many batch rows a kept row stands for.
    func weight(of row: Int) -> Float {
        emptyRows > 0 && row == kept - 1 ? Float(emptyRows) : 1
    }

    /// Draws this part's rows.
    func draw(_ data: SparseFeatures, streams: SparseFeatures.Streams, joiningEmptyRows: Bool) {
        fill(joiningEmptyRows: joiningEmptyRows) { rows, first, count in
            data.fill(
                rows, firstRow: first, count: count, streams: streams,
                scratch: scratch.pointer + Self.chunk * features)
        }
    }

    /// Copies this part's rows of a given batch (rows, features).
    func copy(_ batch: UnsafePointer<Float>, joiningEmptyRows: Bool) {
        fill(joiningEmptyRows: joiningEmptyRows) { rows, first, count in
            rows.update(from: batch + first * features, count: count * features)
        }
    }

    private func fill(joiningEmptyRows: Bool, _ produce: (Floats, Int, Int) -> Void) {
        kept = 0
        emptyRows = 0
        for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.chunk) {
            let count = min(Self.chunk, range.upperBound - first)
            produce(scratch.pointer, first, count)
            if joiningEmptyRows {
                kept += ck_keep_active_rows(
                    values + kept * features, index + kept, scratch.pointer, count, features, UInt32(first))
            } else {
                (values + kept * features).update(from: scratch.pointer, count: count * features)
                for row in 0..<count { index[kept + row] = UInt32(first + row) }
                kept += count
            }
        }
        emptyRows = range.count - kept
        guard emptyRows > 0 else { return }
        (values + kept * features).update(repeating: 0, count: features)
        index[kept] = UInt32(range.lowerBound)
        kept += 1
    }
}
