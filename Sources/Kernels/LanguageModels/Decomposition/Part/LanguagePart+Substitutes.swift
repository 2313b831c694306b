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

    /// Whether a module's input is the clean pass's, because no earlier one is replaced.
    private func isFirst(_ index: Int) -> Bool { model.modules[index].stage == run.first }

    private func mask(_ index: Int, _ share: LinearShare, input: Floats, _ columns: Range<Int>) {
        let (n, first, count) = (places, columns.lowerBound, columns.count)
        let starts = stride(from: first, to: model.settings.subcomponents * n, by: n)
        guard !run.isZero else {
            for start in starts { (share.masked + start).update(repeating: 0, count: count) }
            return
        }
        let inner = isFirst(index) ? share.inner : share.maskedInner
        if !isFirst(index) {
            model.v(index).multiplyTransposed(input + first, into: inner + first, count, stride: n)
        }
        for start in starts {
            ck_mask_forward(share.masked + start, inner + start, share.ci + start, share.uniforms + start, count)
        }
    }

    /// Takes the gradient of the masked activations back: `d` (C, places).
    private func maskBack(
        _ index: Int, _ share: LinearShare, d: Floats, dInput: Floats?, keep: Bool, _ columns: Range<Int>
    ) {
        let (n, first, count) = (places, columns.lowerBound, columns.count)
        let isFirst = isFirst(index)
        let inner = isFirst ? share.inner : share.maskedInner
        let dInner = isFirst ? share.dInner : share.maskedInner
        for start in stride(from: first, to: model.settings.subcomponents * n, by: n) {
            ck_mask_backward(
                dInner + start, share.dci + start, d + start, inner + start, share.ci + start, share.uniforms + start,
                isFirst ? 1 : 0, count)
        }
        guard !isFirst, let dInput else { return }
        model.v(index).multiply(dInner + first, into: dInput + first, count, stride: n, keep: keep)
    }

    func apply(_ module: Int, to input: Floats, output: Floats, columns: Range<Int>) {
        let (index, share) = linear(module)
        let (first, count, bias) = (columns.lowerBound, columns.count, model.biases[index])
        mask(index, share, input: input, columns)
        if let bias {
            for o in 0..<model.layout.modules[index].outputs {
                (output + o * places + first).update(repeating: bias[o], count: count)
            }
        }
        model.u(index).multiplyTransposed(
            share.masked + first, into: output + first, count, stride: places, keep: bias != nil)
    }

    func addOutputSums(_ module: Int, dOutput: Floats) {
        let (index, share) = linear(module)
        addSums(
            share.masked, dOutput, m: model.settings.subcomponents, n: model.layout.modules[index].outputs,
            to: accumulator.u(index))
    }

    func applyBack(_ module: Int, dOutput: Floats, dInput: Floats?, keep: Bool, columns: Range<Int>) {
        let (index, share) = linear(module)
        let first = columns.lowerBound
        model.u(index).multiply(dOutput + first, into: share.masked + first, columns.count, stride: places)
        maskBack(index, share, d: share.masked, dInput: dInput, keep: keep, columns)
    }

    func addInputSums(_ module: Int, input: Floats) {
        let (index, share) = linear(module)
        addInputSums(index, share, input)
    }

    private func addInputSums(_ index: Int, _ share: LinearShare, _ input: Floats) {
        guard !isFirst(index) else { return }
        addSums(
            input, share.maskedInner, m: model.layout.modules[index].inputs, n: model.settings.subcomponents,
            to: accumulator.v(index))
    }

    /// Adds a (m, places) · bᵀ, b (n, places), to sums (m, n): in blocks of the longer side.
    ///
    /// The blocks do not depend on the number of threads, because a library's bytes may depend on the blocks.
    func addSums(_ a: Floats, _ b: Floats, m: Int, n: Int, to sums: Floats) {
        let k = places
        crew.share(max(m, n), by: 64) { block in
            let first = block.lowerBound
            if n < m {
                product(
                    into: sums + first * n, a + first * k, b, m: block.count, n: n, k: k, .none, .transposed, keep: 1)
            } else {
                product(
                    into: sums + first, a, b + first * k, m: m, n: block.count, k: k, .none, .transposed, keep: 1,
                    strides: (n, nil, nil))
            }
        }
    }

    /// A decomposed head's side of the current run; nil if the head is frozen in it.
    func applyHead() -> HeadWork.Components? {
        guard let index = model.headIndex, run.replaced.contains(index), case .linear(let share) = shares[index] else {
            return nil
        }
        pass.forEachColumns { mask(index, share, input: masked.finalNormed, $0) }
        return HeadWork.Components(
            z: share.masked, dz: dHead, u: model.parameters + model.layout.modules[index].u, dU: accumulator.u(index),
            count: model.settings.subcomponents)
    }

    /// Takes the gradient of z, which a loss has left, back to the final norm's output.
    func applyHeadBack() {
        guard let index = model.headIndex, case .linear(let share) = shares[index] else { return }
        pass.forEachColumns { maskBack(index, share, d: dHead, dInput: dOutput, keep: false, $0) }
        addInputSums(index, share, masked.finalNormed)
    }
}
