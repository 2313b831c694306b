internal import CKernels

/// The way back through the gates.
extension LanguagePart {
    /// Adds the gradients of the linear maps' gates over the current rows.
    func backwardLinears(_ plan: LanguagePlan) {
        let (n, linears) = (places, linearShares)
        let blocks = linears.map { index, share in
            let block = GateBlock(
                inner: share.inner, dInner: share.dInner, gate: share.gate, dci: share.dci, weight: ones)
            return (index: index, share: block)
        }
        backwardImportance(blocks, rows: n, perRow: 1 / Float(plan.places), plan)
        for (index, share) in linears {
            addSums(
                input(of: index, in: clean), share.dInner, m: model.layout.modules[index].inputs,
                n: model.settings.subcomponents, to: accumulator.v(index))
        }
    }

    /// Adds the gradients of an embedding's gates over all of the part's rows.
    func backwardEntries(_ share: EntryShare, _ plan: LanguagePlan) {
        let c = model.settings.subcomponents
        ck_transpose(share.block.dci, share.dci, share.count, c, share.gateRows)
        ck_transpose(share.block.dInner, share.dInner, share.count, c, share.gateRows)
        let rows = share.isPositions ? model.length : plan.places
        backwardImportance([(share.module, share.block)], rows: share.gateRows, perRow: 1 / Float(rows), plan)
        ck_transpose(share.dInner, share.block.dInner, c, share.gateRows, c)
    }

    private func backwardImportance(
        _ blocks: [(index: Int, share: GateBlock)], rows: Int, perRow: Float, _ plan: LanguagePlan
    ) {
        let c = model.settings.subcomponents
        sums.withSums { importance, schatten in
            forEachComponents(of: blocks, rows: rows) { index, block, components in
                let (gates, fits) = (model.gates[index], fits(index))
                gates.backwardImportance(
                    block, components, scratch: memory.gates.own.scratch, settings: model.settings,
                    perRow: perRow, squaredNorms: plan.squaredNorms + index * c, importance: importance + index * c,
                    schatten: schatten + index * c, fits: fits, parameters: model.parameters,
                    gradients: accumulator.gates, rows: rows)
                guard let fits else { return }
                gates.fold(fits, components, parameters: model.parameters, gradients: accumulator.gates)
            }
        }
    }
}

/// A thread's room for the importances of a few subcomponents at a time.
final class GateMemory {
    let scratch: GateBlock.Scratch
    private let storage: Storage

    private init(rows: Int) {
        // What `forEachBlock` takes together.
        let (storage, blocks) = Storage.blocks(Array(repeating: max(512, rows), count: 4))
        self.storage = storage
        scratch = GateBlock.Scratch(ci: blocks[0], ciUpper: blocks[1], dciUpper: blocks[2], dGate: blocks[3])
    }

    /// Memory for each thread of a team, for blocks of up to `rows` rows.
    static func each(of threads: Int, rows: Int) -> PerThread<GateMemory> {
        PerThread(threads: threads) { GateMemory(rows: rows) }
    }
}
