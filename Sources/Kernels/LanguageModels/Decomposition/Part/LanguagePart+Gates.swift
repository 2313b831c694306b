internal import CKernels

/// The way back through the gates.
extension LanguagePart {
    /// Adds the gradients of a linear map's gates over the current rows.
    func backwardLinear(_ index: Int, _ plan: LanguagePlan) {
        guard case .linear(let share) = shares[index] else { return }
        let (place, n) = (model.layout.modules[index], places)
        let block = GateBlock(
            inner: share.inner, dInner: share.dInner, gate: share.gate, dci: share.dci, weight: ones, scratch: scratch)
        backwardImportance(index, block, rows: n, perRow: 1 / Float(plan.places), plan)
        product(
            into: accumulator.v(index), input(of: index, in: clean), share.dInner, m: place.inputs,
            n: model.settings.subcomponents, k: n, .none, .transposed, keep: 1)
    }

    /// Adds the gradients of an embedding's gates over all of the part's rows.
    func backwardEntries(_ share: EntryShare, _ plan: LanguagePlan) {
        let c = model.settings.subcomponents
        ck_transpose(share.block.dci, share.dci, share.count, c, share.gateRows)
        ck_transpose(share.block.dInner, share.dInner, share.count, c, share.gateRows)
        let rows = share.isPositions ? model.length : plan.places
        backwardImportance(share.module, share.block, rows: share.gateRows, perRow: 1 / Float(rows), plan)
        ck_transpose(share.dInner, share.block.dInner, c, share.gateRows, c)
    }

    private func backwardImportance(_ index: Int, _ block: GateBlock, rows: Int, perRow: Float, _ plan: LanguagePlan) {
        let (c, gates) = (model.settings.subcomponents, model.gates[index])
        sums.withSums(of: index, components: c) { importance, schatten in
            gates.backwardImportance(
                block, settings: model.settings, perRow: perRow, squaredNorms: plan.squaredNorms + index * c,
                importance: importance, schatten: schatten, fits: fits(index), parameters: model.parameters,
                gradients: accumulator.gates, rows: rows)
        }
        guard let fits = fits(index) else { return }
        gates.fold(fits, parameters: model.parameters, gradients: accumulator.gates)
    }
}
