internal import CKernels

/// A step's gates, which are fitted once for all of its parts.
extension FeatureDecomposition {
    /// How many subcomponents are fitted at a time, on whichever thread is free next.
    private static let block = 16

    /// Fits the gates on the intervals that all parts' inner activations span, and gives each part the fits.
    func fitGates() {
        let rows = parts.reduce(0) { $0 + $1.batchRows.kept }
        shareGates { module, components in
            guard let fits = self.parts[0].fits(module) else { return }
            let first = components.lowerBound
            for part in self.parts.dropFirst() {
                guard let others = part.fits(module) else { continue }
                ck_join_intervals(fits + first, others + first, components.count)
            }
            self.subcomponents.gates[module].fit(
                fits, components, parameters: self.parameters.pointer, rows: rows)
            for part in self.parts.dropFirst() {
                part.fits(module).map { ($0 + first).update(from: fits + first, count: components.count) }
            }
        }
    }

    /// Adds what the rows of all parts came to on the fits' nodes to the first part's gradients of the gates.
    func foldGates() {
        shareGates { module, components in
            guard let fits = self.parts[0].fits(module) else { return }
            let first = components.lowerBound
            for part in self.parts.dropFirst() {
                guard let others = part.fits(module) else { continue }
                ck_add_moments(fits + first, others + first, components.count)
            }
            self.subcomponents.gates[module].fold(
                fits, components, parameters: self.parameters.pointer, gradients: self.parts[0].gateGradients)
        }
    }

    private func shareGates(_ body: (_ module: Int, _ components: Range<Int>) -> Void) {
        guard settings.interpolatesGates, settings.gateNeurons > 0 else { return }
        let (c, blocks) = (settings.subcomponents, (settings.subcomponents + Self.block - 1) / Self.block)
        team.share(modules.count * blocks) { piece in
            let first = piece % blocks * Self.block
            body(piece / blocks, first..<min(first + Self.block, c))
        }
    }
}
