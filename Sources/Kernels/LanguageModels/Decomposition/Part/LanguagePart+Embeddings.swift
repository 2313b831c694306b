internal import CKernels

/// Embeddings in masked runs: places read their entries' subcomponents.
extension LanguagePart {
    private func entries(_ module: Int) -> EntryShare {
        guard let index = model.decomposed[module], case .entries(let share) = shares[index] else {
            preconditionFailure("module \(module) is not a decomposed embedding")
        }
        return share
    }

    func embed(_ module: Int, output: Floats, adding: Bool) {
        let share = entries(module)
        let (place, c, n) = (model.layout.modules[share.module], model.settings.subcomponents, places)
        crew.share(n, by: Self.placesPerPiece) { some in
            let (first, count) = (some.lowerBound, some.count)
            let masked = share.masked + first * c
            if run.isZero {
                masked.update(repeating: 0, count: c * count)
            } else if let draws = run.draws[share.module] {
                withEntries(share) { entries in
                    ck_entry_mask_forward(
                        masked, share.inner, share.ci, share.isPositions ? draws : draws + first * c, entries + first,
                        share.isPositions ? entries + first : nil, c, count)
                }
            }
            product(
                into: output + first, model.parameters + place.u, masked, m: place.outputs, n: count, k: c,
                .transposed, .transposed, keep: adding ? 1 : 0, strides: (n, nil, nil))
        }
    }

    func embedBack(_ module: Int, dOutput: Floats) {
        let share = entries(module)
        let (place, c, n) = (model.layout.modules[share.module], model.settings.subcomponents, places)
        crew.share(place.outputs, by: 64) { some in
            product(
                into: accumulator.u(share.module) + some.lowerBound, share.masked, dOutput + some.lowerBound * n, m: c,
                n: some.count, k: n, .transposed, .transposed, keep: 1, strides: (place.outputs, nil, nil))
        }
        crew.share(n, by: Self.placesPerPiece) { some in
            product(
                into: share.dMasked + some.lowerBound * c, dOutput + some.lowerBound, model.parameters + place.u,
                m: some.count, n: c, k: place.outputs, .transposed, .transposed, strides: (nil, n, nil))
        }
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

    /// A library multiplies them at a time, so its bytes do not depend on the number of threads.
    private static let placesPerPiece = 128
}
