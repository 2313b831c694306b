internal import CKernels

/// A step's gates, which are fitted once for all of its tiles.
extension FeatureDecomposition {
    /// How many subcomponents are fitted at a time, on whichever thread is free next.
    private static let block = 16

    /// Fits the gates on the intervals that the inner activations span over the step's rows.
    func fitGates() {
        guard let fits = sums.fits else { return }
        for worker in workers.all { worker.resetIntervals() }
        crews.share(rows.tiles(of: tileRows)) { tile, crew in
            self.workers.withOne(crew) { $0.findIntervals(of: self.rows, tile: tile) }
        }
        shareGates { module, components in
            let place = module * self.settings.subcomponents
            guard let fits = fits.from(place), let intervals = self.sums.intervals.from(place) else { return }
            ck_reset_intervals(intervals + components.lowerBound, components.count)
            for worker in self.workers.all { worker.addIntervals(to: intervals, ofModule: module, components) }
            self.subcomponents.gates[module].fit(
                fits, on: intervals, components, parameters: self.parameters.pointer, rows: self.rows.kept)
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
