internal import CKernels

/// A decomposed embedding's share of a part of a step: everything that depends on a token or position alone is computed
/// once for each distinct one, an entry.
///
/// Masks multiply row-major blocks (entries or places, C); gates run on feature-major ones (C, entries).
final class EntryShare {
    let isPositions: Bool
    /// The module's number among the decomposed.
    let module: Int
    private let components: Int
    private let length: Int
    /// The distinct tokens or positions, in the order of their first places.
    private(set) var entries: [Int32] = []
    /// Each place's entry (places of the part).
    private(set) var entryOfPlace: [UInt32] = []
    /// V of each entry, and its gradient (entries, C).
    let inner: Floats
    let dInner: Floats
    /// The causal importances that masks see, and their gradient (entries, C).
    let ci: Floats
    let dci: Floats
    /// (C, entries), for the gates.
    let block: GateBlock
    /// The masked activations of a run's places, and room for their gradient (places of a pass, C).
    let masked: Floats
    let dMasked: Floats
    /// The draws of a run (places of a pass, C), unless they are given.
    let drawn: Floats
    private let storage: Storage

    init(
        isPositions: Bool, module: Int, components: Int, length: Int, entries: Int, placesPerPass: Int
    ) {
        let padded = (entries + 15) & ~15
        let (share, run) = (components * padded, components * placesPerPass)
        let (storage, blocks) = Storage.blocks(Array(repeating: share, count: 8) + [padded] + [run, run, run])
        self.storage = storage
        self.isPositions = isPositions
        self.module = module
        self.components = components
        self.length = length
        inner = blocks[0]
        dInner = blocks[1]
        ci = blocks[2]
        dci = blocks[3]
        block = GateBlock(
            inner: blocks[4], dInner: blocks[5], gate: blocks[6], dci: blocks[7], weight: blocks[8])
        masked = blocks[9]
        dMasked = blocks[10]
        drawn = blocks[11]
    }

    var count: Int { entries.count }

    /// How many rows the gates' blocks have: whole vectors, those after the last entry zeros that count for nothing.
    var gateRows: Int { (entries.count + 15) & ~15 }

    /// Finds the entries of a part's tokens.
    ///
    /// Positions are the same in every part and count in one of them.
    func load(_ tokens: UnsafeBufferPointer<Int32>, slots: inout [Int32], countsPositions: Bool) {
        entries.removeAll(keepingCapacity: true)
        entryOfPlace.removeAll(keepingCapacity: true)
        if isPositions {
            entries = (0..<Int32(length)).map { $0 }
            entryOfPlace = tokens.indices.map { UInt32($0 % length) }
            block.weight.update(repeating: countsPositions ? 1 : 0, count: length)
            (block.weight + length).update(repeating: 0, count: gateRows - length)
            return
        }
        for token in tokens {
            if slots[Int(token)] < 0 {
                slots[Int(token)] = Int32(entries.count)
                block.weight[entries.count] = 0
                entries.append(token)
            }
            let slot = slots[Int(token)]
            block.weight[Int(slot)] += 1
            entryOfPlace.append(UInt32(slot))
        }
        (block.weight + count).update(repeating: 0, count: gateRows - count)
        for token in entries { slots[Int(token)] = -1 }
    }

    /// Gathers V's rows of the entries and runs the gates over them; `room` holds importances (C, entries).
    func forward(
        _ gates: Gates, v: Floats, parameters: Floats, sigmoid: Sigmoid, fits: UnsafeMutablePointer<ck_fit>?,
        room: (ci: Floats, ciUpper: Floats)
    ) {
        let (c, rows) = (components, gateRows)
        for (slot, entry) in entries.enumerated() {
            (inner + slot * c).update(from: v + Int(entry) * c, count: c)
        }
        ck_transpose(block.inner, inner, count, c, rows)
        if let fits { gates.fit(fits, to: block.inner, parameters: parameters, rows: rows) }
        gates.forward(
            block.gate, ci: room.ci, ciUpper: room.ciUpper, sigmoid: sigmoid, a: block.inner,
            fits: fits, parameters: parameters, rows: rows)
        ck_transpose(ci, room.ci, c, rows, c)
        dInner.update(repeating: 0, count: c * count)
        dci.update(repeating: 0, count: c * count)
    }
}
