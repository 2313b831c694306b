internal import CKernels

/// A step's gates, which are fitted once for all of its tiles.
extension FeatureDecomposition {
    /// How many subcomponents are fitted at a time, on whichever thread is free next.
    private static let block = 16

    /// Fits the gates on the intervals that the inner activations span over the step's rows.
    func fitGates() {
        for worker in workers.all { worker.intervals?.reset() }
        guard sums.fits != nil else { return }
        crews.share(rows.tiles(of: tileRows)) { tile, crew in
            self.workers.withOne(crew) { $0.findIntervals(of: self.rows, tile: tile) }
        }
        shareGates { module, components in
            let c = self.settings.subcomponents
            guard let fits = self.sums.fits?.from(module * c) else { return }
            let first = components.lowerBound
            ck_reset_fits(fits + first, components.count)
            for worker in self.workers.all {
                guard let others = worker.intervals?.from(module * c) else { continue }
                ck_join_intervals(fits + first, others + first, components.count)
            }
            self.subcomponents.gates[module].fit(
                fits, components, parameters: self.parameters.pointer, rows: self.rows.kept)
        }
    }

    /// Adds what the rows came to on the fits' nodes to the gradients of the gates.
    func foldGates() {
        shareGates { module, components in
            guard let fits = self.sums.fits?.from(module * self.settings.subcomponents) else { return }
            self.subcomponents.gates[module].fold(
                fits, components, parameters: self.parameters.pointer, gradients: self.sums.gateGradients)
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
