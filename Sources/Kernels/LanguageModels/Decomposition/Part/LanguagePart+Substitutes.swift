internal import CKernels

extension LanguagePart: Substitutes {
    func replaces(_ module: Int) -> Bool {
        guard let index = model.decomposed[module] else { return false }
        return run.replaced.contains(index)
    }

    private func linear(_ module: Int) -> (index: Int, share: LinearShare) {
        guard let index = model.decomposed[module], case .linear(let share) = shares[index] else {
            preconditionFailure("module \(module) is not a decomposed linear map")
        }
        return (index, share)
    }

    private func entries(_ module: Int) -> EntryShare {
        guard let index = model.decomposed[module], case .entries(let share) = shares[index] else {
            preconditionFailure("module \(module) is not a decomposed embedding")
        }
        return share
    }

    /// Whether a module's input is the clean pass's, because no earlier one is replaced.
    private func isFirst(_ index: Int) -> Bool { model.modules[index].stage == run.first }

    private func mask(_ index: Int, _ share: LinearShare, input: Floats) {
        let (place, c, n) = (model.layout.modules[index], model.settings.subcomponents, places)
        guard !run.isZero else {
            share.masked.update(repeating: 0, count: c * n)
            return
        }
        if !isFirst(index) {
            product(
                into: share.maskedInner, model.parameters + place.v, input, m: c, n: n, k: place.inputs, .transposed)
        }
        ck_mask_forward(
            share.masked, isFirst(index) ? share.inner : share.maskedInner, share.ci, share.uniforms, c * n)
    }

    /// Takes the gradient of the masked activations back: `d` (C, places).
    private func maskBack(_ index: Int, _ share: LinearShare, d: Floats, input: Floats, dInput: Floats?, keep: Float) {
        let (place, c, n) = (model.layout.modules[index], model.settings.subcomponents, places)
        let inner = isFirst(index) ? share.inner : share.maskedInner
        let dInner = isFirst(index) ? share.dInner : share.maskedInner
        ck_mask_backward(dInner, share.dci, d, inner, share.ci, share.uniforms, isFirst(index) ? 1 : 0, c * n)
        guard !isFirst(index) else { return }
        product(
            into: accumulator.v(index), input, dInner, m: place.inputs, n: c, k: n, .none, .transposed, keep: 1)
        guard let dInput else { return }
        product(
            into: dInput, model.parameters + place.v, dInner, m: place.inputs, n: n, k: c, keep: keep)
    }

    func apply(_ module: Int, to input: Floats, output: Floats) {
        let (index, share) = linear(module)
        let place = model.layout.modules[index]
        mask(index, share, input: input)
        if let bias = model.biases[index] { ck_fill_rows(output, bias, place.outputs, places) }
        product(
            into: output, model.parameters + place.u, share.masked, m: place.outputs, n: places,
            k: model.settings.subcomponents, .transposed, keep: model.biases[index] == nil ? 0 : 1)
    }

    func applyBack(_ module: Int, input: Floats, dOutput: Floats, dInput: Floats?, keep: Float) {
        let (index, share) = linear(module)
        let (place, c, n) = (model.layout.modules[index], model.settings.subcomponents, places)
        product(
            into: accumulator.u(index), share.masked, dOutput, m: c, n: place.outputs, k: n, .none, .transposed, keep: 1
        )
        product(into: share.masked, model.parameters + place.u, dOutput, m: c, n: n, k: place.outputs)
        maskBack(index, share, d: share.masked, input: input, dInput: dInput, keep: keep)
    }

    func embed(_ module: Int, output: Floats, adding: Bool) {
        let share = entries(module)
        let (place, c, n) = (model.layout.modules[share.module], model.settings.subcomponents, places)
        if run.isZero {
            share.masked.update(repeating: 0, count: c * n)
        } else if let draws = run.draws[share.module] {
            withEntries(share) { entries in
                ck_entry_mask_forward(
                    share.masked, share.inner, share.ci, draws, entries, share.isPositions ? entries : nil, c, n)
            }
        }
        product(
            into: output, model.parameters + place.u, share.masked, m: place.outputs, n: n, k: c, .transposed,
            .transposed, keep: adding ? 1 : 0)
    }

    func embedBack(_ module: Int, dOutput: Floats) {
        let share = entries(module)
        let (place, c, n) = (model.layout.modules[share.module], model.settings.subcomponents, places)
        product(
            into: accumulator.u(share.module), share.masked, dOutput, m: c, n: place.outputs, k: n, .transposed,
            .transposed, keep: 1)
        product(
            into: share.dMasked, dOutput, model.parameters + place.u, m: n, n: c, k: place.outputs, .transposed,
            .transposed)
        guard let draws = run.draws[share.module] else { return }
        withEntries(share) { entries in
            ck_entry_mask_backward(
                share.dInner, share.dci, share.dMasked, share.inner, share.ci, draws, entries,
                share.isPositions ? entries : nil, c, n)
        }
    }

    /// The entries of the current places.
    private func withEntries(_ share: EntryShare, _ body: (UnsafePointer<UInt32>) -> Void) {
        let first = firstPlace - rows.lowerBound * model.length
        share.entryOfPlace.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            body(start + first)
        }
    }

    /// A decomposed head's side of the current run; nil if the head is frozen in it.
    func applyHead() -> HeadWork.Components? {
        guard let index = model.headIndex, run.replaced.contains(index), case .linear(let share) = shares[index] else {
            return nil
        }
        mask(index, share, input: masked.finalNormed)
        return HeadWork.Components(
            z: share.masked, dz: dHead, u: model.parameters + model.layout.modules[index].u, dU: accumulator.u(index),
            count: model.settings.subcomponents)
    }

    /// Takes the gradient of z, which a loss has left, back to the final norm's output.
    func applyHeadBack() {
        guard let index = model.headIndex, case .linear(let share) = shares[index] else { return }
        maskBack(index, share, d: dHead, input: masked.finalNormed, dInput: dOutput, keep: 0)
    }
}
