internal import CKernels

/// A part of a step: the losses of some of the batch's rows and their gradients.
///
/// One thread at a time works on a part, with the part's own memory.
final class StepPart {
    let batchRows: BatchRows
    let tile: Tile
    /// The network's accumulator, then the gates' gradients laid out as the parameters' gate part.
    let accumulator: Storage
    /// The sum of each masked run's loss over rows, before its share of the mean.
    var runSums: [Double]
    /// By module and subcomponent: weighted sums over rows of ci_upper^p, shifted and not.
    var importanceSums: [Double]
    var schattenSums: [Double]
    /// By module: how many causal importances exceed 0.01.
    var counts: [Double]
    /// The highest causal importance of each subcomponent this step (modules, C).
    let peaks: Storage
    /// The gates' interpolants (modules, C), where they are used.
    private let fits: UnsafeMutableBufferPointer<ck_fit>?
    private let scratch: Storage
    private let layout: ParameterLayout
    private let network: any Network
    private let parameters: Floats

    init(
        rows: Range<Int>, features: Int, network: any Network, layout: ParameterLayout, settings: DecompositionSettings,
        runs: Int,
        parameters: Floats
    ) {
        let c = settings.subcomponents
        // A tile's blocks should stay in the second-level cache.
        let capacity = c <= 64 ? 256 : 128
        self.layout = layout
        self.network = network
        self.parameters = parameters
        batchRows = BatchRows(range: rows, features: features)
        tile = Tile(
            capacity: capacity, features: features, outputs: network.outputs,
            modules: network.modules.count, subcomponents: c)
        scratch = Storage(count: network.scratchCount(rows: capacity))
        accumulator = Storage(count: network.accumulatorCount + layout.count - layout.gates)
        if settings.interpolatesGates, settings.gateNeurons > 0 {
            fits = .allocate(capacity: network.modules.count * c)
            fits?.initialize(repeating: ck_fit())
        } else {
            fits = nil
        }
        runSums = Array(repeating: 0, count: runs)
        importanceSums = Array(repeating: 0, count: network.modules.count * c)
        schattenSums = importanceSums
        counts = Array(repeating: 0, count: network.modules.count)
        peaks = Storage(count: network.modules.count * c)
    }

    deinit {
        fits?.deallocate()
    }

    func fits(_ module: Int) -> UnsafeMutablePointer<ck_fit>? {
        fits?.baseAddress.map { $0 + module * layout.subcomponents }
    }

    /// The gates' gradients, to be indexed by places of the layout.
    var gateGradients: Floats { accumulator.pointer + network.accumulatorCount - layout.gates }

    /// Draws this part's rows, and finds the interval that each inner activation spans over them.
    func begin(_ decomposition: FeatureDecomposition, plan: StepPlan) {
        let settings = decomposition.settings
        accumulator.clear()
        peaks.clear()
        runSums.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        importanceSums.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        schattenSums.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        counts.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        if let given = plan.given {
            batchRows.copy(given.batch.pointer, joiningEmptyRows: network.emptyRowsAreConstant)
        } else {
            batchRows.draw(
                decomposition.data, streams: .decomposition(seed: settings.seed, step: plan.step),
                joiningEmptyRows: network.emptyRowsAreConstant)
        }
        findIntervals(over: batchRows)
    }

    /// Computes this part of a step, once its gates are fitted.
    func process(_ decomposition: FeatureDecomposition, plan: StepPlan) {
        var next = 0
        while next < batchRows.kept {
            let first = next
            next += tile.load(batchRows, from: next)
            processTile(decomposition, plan: plan)
            plan.capture?.record(self, rows: first..<next, decomposition: decomposition)
        }
    }

    /// Finds the interval that each inner activation spans over some rows, and fits the gates on it.
    func fitGates(_ decomposition: FeatureDecomposition, over batchRows: BatchRows) {
        findIntervals(over: batchRows)
        for (index, gates) in decomposition.subcomponents.gates.enumerated() {
            guard let fits = self.fits(index) else { continue }
            gates.fit(fits, parameters: parameters, rows: batchRows.kept)
        }
    }

    private func findIntervals(over batchRows: BatchRows) {
        guard let fits, let first = fits.baseAddress else { return }
        ck_reset_fits(first, fits.count)
        var next = 0
        while next < batchRows.kept {
            next += tile.load(batchRows, from: next)
            network.clean(pass)
            for (index, share) in tile.modules.enumerated() {
                guard let fits = self.fits(index) else { continue }
                ck_widen_intervals(fits, share.inner, layout.subcomponents, tile.rows)
            }
        }
    }

    /// The tile's blocks and this part's memory, as the network's passes take them.
    var pass: Pass {
        Pass(tile: tile, parameters: parameters, accumulator: accumulator.pointer, scratch: scratch.pointer)
    }

    /// Runs the unmodified target over the tile, and every module's gates: fills `gate` and `ci`.
    func forwardGates(_ decomposition: FeatureDecomposition) {
        network.clean(pass)
        for (index, share) in tile.modules.enumerated() {
            decomposition.subcomponents.gates[index].forward(
                share.gate, a: share.inner, fits: fits(index), parameters: parameters, rows: tile.rows)
            ck_importance_forward(
                share.ci, tile.ciUpper, share.gate, decomposition.settings.sigmoid.code,
                layout.subcomponents * tile.rows)
        }
    }

    private func processTile(_ decomposition: FeatureDecomposition, plan: StepPlan) {
        let settings = decomposition.settings
        let (c, rows) = (settings.subcomponents, tile.rows)
        let count = c * rows
        let pass = pass
        forwardGates(decomposition)
        for (index, share) in tile.modules.enumerated() {
            counts[index] += ck_importance_counts(
                peaks.pointer + index * c, share.ci, tile.weight, 0.01, c, rows)
            share.dInner.update(repeating: 0, count: count)
            share.dci.update(repeating: 0, count: count)
        }
        for (number, run) in decomposition.runs.enumerated() where run.coefficient != 0 || plan.reporting {
            fillUniforms(run, decomposition: decomposition, plan: plan)
            network.forward(pass, replaced: run.replaced)
            let elements =
                settings.outputLoss == .mse ? settings.batchSize * network.outputs : settings.batchSize
            let scale = Float(run.share / Double(elements)) * run.coefficient
            let outputLoss = settings.outputLoss == .mse ? ck_mse : ck_kl
            runSums[number] += outputLoss(
                tile.dOutput, tile.output, tile.target, tile.live, scale, network.outputs, rows)
            if run.coefficient != 0 { network.backward(pass, replaced: run.replaced) }
        }
        for index in tile.modules.indices {
            backwardImportance(index, decomposition: decomposition, plan: plan)
        }
        network.backwardInner(pass)
    }

    private func backwardImportance(_ index: Int, decomposition: FeatureDecomposition, plan: StepPlan) {
        let (c, share) = (layout.subcomponents, tile.modules[index])
        // The tile's room for a module's masks is free by now.
        let block = GateBlock(
            inner: share.inner, dInner: share.dInner, gate: share.gate, dci: share.dci, weight: tile.weight,
            scratch: GateBlock.Scratch(
                ci: share.masked, ciUpper: tile.ciUpper, dciUpper: tile.dciUpper, dGate: tile.dGate))
        importanceSums.withUnsafeMutableBufferPointer { importance in
            schattenSums.withUnsafeMutableBufferPointer { schatten in
                guard let first = importance.baseAddress, let second = schatten.baseAddress else { return }
                decomposition.subcomponents.gates[index].backwardImportance(
                    block, settings: decomposition.settings, perRow: 1 / Float(decomposition.settings.batchSize),
                    squaredNorms: plan.squaredNorms + index * c, importance: first + index * c,
                    schatten: second + index * c, fits: fits(index), parameters: parameters,
                    gradients: gateGradients, rows: tile.rows)
            }
        }
    }

    private func fillUniforms(_ run: MaskedRun, decomposition: FeatureDecomposition, plan: StepPlan) {
        let (c, rows) = (layout.subcomponents, tile.rows)
        for index in tile.modules.indices where run.replaced.contains(index) {
            let uniforms = tile.modules[index].uniforms
            switch run.uniforms {
            case .zeros: uniforms.update(repeating: 0, count: c * rows)
            case .ones: uniforms.update(repeating: 1, count: c * rows)
            case .drawn(let sample):
                if let given = plan.given?.uniforms(run.term, sample: sample, module: index) {
                    ck_gather_rows(uniforms, tile.rowIndex, given, c, rows)
                } else {
                    let stream = RandomStream(
                        seed: decomposition.settings.seed, .mask, plan.step, run.term.streamNumber, sample, index)
                    ck_uniform_rows(
                        uniforms, tile.rowIndex, c, rows, decomposition.settings.batchSize, stream.key)
                }
            }
        }
    }
}
