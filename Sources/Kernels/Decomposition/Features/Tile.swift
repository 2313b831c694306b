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

        /// Fills `masked` from inner activations with `count` elements.
        func mask(_ inner: Floats, _ count: Int, _ crew: Crew) {
            crew.shareElements(count) { some in
                let first = some.lowerBound
                ck_mask_forward(masked + first, inner + first, ci + first, uniforms + first, some.count)
            }
        }

        /// Takes the gradient in `masked` back to that of the inner activations, set or added to what is there, and adds to `dci`.
        func maskBack(_ inner: Floats, to dInner: Floats, adding: Bool, _ count: Int, _ crew: Crew) {
            crew.shareElements(count) { some in
                let first = some.lowerBound
                ck_mask_backward(
                    dInner + first, dci + first, masked + first, inner + first, ci + first, uniforms + first,
                    adding ? 1 : 0, some.count)
            }
        }
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
    /// The non-zero inputs, if they are few.
    private(set) var active: ck_active?
    private let activeRoom: ck_active?
    private let storage: Storage
    /// Products with lists of active features have at least this many columns.
    static let fewestColumns = 16
    /// A list is worth its while where no more than one feature in this many is active.
    private static let sparsity = 6

    init(capacity: Int, features: Int, outputs: Int, modules count: Int, subcomponents: Int) {
        let block = subcomponents * capacity
        let sizes =
            [features * capacity] + Array(repeating: outputs * capacity, count: 3)
            + Array(repeating: block, count: 3 + 8 * count) + Array(repeating: capacity, count: 3)
            + [capacity + 1] + Array(repeating: features * capacity / Self.sparsity, count: 2)
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
        func takeNumbers(_ count: Int) -> UnsafeMutablePointer<UInt32> {
            UnsafeMutableRawPointer(take()).bindMemory(to: UInt32.self, capacity: count)
        }
        rowIndex = takeNumbers(capacity)
        let room = features * capacity / Self.sparsity
        activeRoom =
            subcomponents < Self.fewestColumns
            ? nil
            : ck_active(start: takeNumbers(capacity + 1), feature: takeNumbers(room), value: take(), room: room)
    }

    /// Loads `source`'s rows from `first` on, as many as fit.
    ///
    /// - Returns: How many of the source's rows were taken.
    func load(_ source: BatchRows, from first: Int) -> Int {
        let range = first..<min(first + capacity, source.kept)
        load(source, range)
        return range.count
    }

    /// Takes up the rows of one of `source`'s tiles.
    ///
    /// - Returns: Which of the source's rows they are.
    @discardableResult
    func load(_ source: BatchRows, tile number: Int) -> Range<Int> {
        let range = source.range(ofTile: number, of: capacity)
        load(source, range)
        return range
    }

    private func load(_ source: BatchRows, _ range: Range<Int>) {
        let (first, taken) = (range.lowerBound, range.count)
        rows = (taken + 15) & ~15
        let values = source.values + first * source.features
        ck_transpose(x, values, taken, source.features, rows)
        active = activeRoom.flatMap { room in
            ck_list_active(room, values, taken, source.features, rows) > room.room ? nil : room
        }
        for row in 0..<rows {
            let counted = row < taken
            rowIndex[row] = counted ? source.index[first + row] : 0
            weight[row] = counted ? source.weight(of: first + row) : 0
            live[row] = counted ? 1 : 0
        }
    }
}

/// Rows of a batch.
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
    private let keptInChunk: UnsafeMutableBufferPointer<Int>
    private static let chunk = 128

    init(range: Range<Int>, features: Int) {
        self.range = range
        self.features = features
        storage = Storage(count: (range.count + 1) * features)
        values = storage.pointer
        indices = .allocate(capacity: range.count + 1)
        indices.initialize(repeating: 0)
        index = indices.baseAddress ?? UnsafeMutablePointer(bitPattern: 8).unsafelyUnwrapped
        let chunks = (range.count + Self.chunk - 1) / Self.chunk
        scratch = Storage(count: 3 * chunks * Self.chunk * features)
        keptInChunk = .allocate(capacity: chunks)
        keptInChunk.initialize(repeating: 0)
    }

    deinit {
        indices.deallocate()
        keptInChunk.deallocate()
    }

    /// How many batch rows a kept row stands for.
    func weight(of row: Int) -> Float {
        emptyRows > 0 && row == kept - 1 ? Float(emptyRows) : 1
    }

    /// How many tiles the rows fall into, where a tile takes no more than `capacity`.
    func tiles(of capacity: Int) -> Int {
        let each = rowsPerTile(capacity)
        return (kept + each - 1) / each
    }

    func range(ofTile number: Int, of capacity: Int) -> Range<Int> {
        let each = rowsPerTile(capacity)
        return number * each..<min((number + 1) * each, kept)
    }

    /// Tiles are equally long, and more than two are mostly a multiple of four, so two or four threads finish together.
    private func rowsPerTile(_ capacity: Int) -> Int {
        let least = max(1, (kept + capacity - 1) / capacity)
        let count = least > 2 ? (least + 3) & ~3 : least
        return max(16, ((kept + count - 1) / count + 15) & ~15)
    }

    /// Draws the rows, spread over a team's threads if there is one.
    func draw(_ data: SparseFeatures, streams: SparseFeatures.Streams, joiningEmptyRows: Bool, team: Team? = nil) {
        fill(joiningEmptyRows: joiningEmptyRows, team: team) { rows, first, count, scratch in
            data.fill(rows, firstRow: first, count: count, streams: streams, scratch: scratch)
        }
    }

    /// Copies the rows of a given batch (rows, features).
    func copy(_ batch: UnsafePointer<Float>, joiningEmptyRows: Bool) {
        fill(joiningEmptyRows: joiningEmptyRows, team: nil) { rows, first, count, _ in
            rows.update(from: batch + first * features, count: count * features)
        }
    }

    /// Fills chunk by chunk, each behind the room of those before, and closes the gaps that empty rows have left.
    private func fill(
        joiningEmptyRows: Bool, team: Team?,
        _ produce: (_ rows: Floats, _ first: Int, _ count: Int, _ scratch: Floats) -> Void
    ) {
        let chunks = (range.count + Self.chunk - 1) / Self.chunk
        let each = 3 * Self.chunk * features
        func fillChunk(_ chunk: Int) {
            let offset = chunk * Self.chunk
            let first = self.range.lowerBound + offset
            let count = min(Self.chunk, self.range.upperBound - first)
            let room = self.scratch.pointer + (team == nil ? 0 : chunk * each)
            produce(room, first, count, room + Self.chunk * self.features)
            let (rows, numbers) = (self.values + offset * self.features, self.index + offset)
            if joiningEmptyRows {
                self.keptInChunk[chunk] = ck_keep_active_rows(
                    rows, numbers, room, count, self.features, UInt32(first))
            } else {
                rows.update(from: room, count: count * self.features)
                for row in 0..<count { numbers[row] = UInt32(first + row) }
                self.keptInChunk[chunk] = count
            }
        }
        if let team { team.share(chunks, fillChunk) } else { for chunk in 0..<chunks { fillChunk(chunk) } }
        kept = 0
        for chunk in 0..<chunks {
            let (from, count) = (chunk * Self.chunk, keptInChunk[chunk])
            if kept < from {
                (values + kept * features).update(from: values + from * features, count: count * features)
                (index + kept).update(from: index + from, count: count)
            }
            kept += count
        }
        emptyRows = range.count - kept
        guard emptyRows > 0 else { return }
        (values + kept * features).update(repeating: 0, count: features)
        index[kept] = UInt32(range.lowerBound)
        kept += 1
    }
}
