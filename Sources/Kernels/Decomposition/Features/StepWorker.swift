internal import CKernels
import Synchronization

/// The memory that a thread works on a step's tiles with.
///
/// Whichever worker is free takes the next tile: nothing of a tile stays behind in it but the intervals that its inner
/// activations span.
final class StepWorker {
    let tile: Tile
    /// The intervals of the inner activations in the tiles of this worker.
    private let intervals: Numbered<ck_interval>?
    /// The interpolants of its own for rows to look at.
    private lazy var ownFits = Numbered(ck_fit(), count: network.modules.count * layout.subcomponents)
    /// The threads that work on the tile.
    fileprivate(set) var crew = Crew.alone
    private let sums: TileSums
    private let scratch: Storage
    private let accumulator: Floats
    private let layout: ParameterLayout
    private let network: any Network
    private let parameters: Floats

    init(
        capacity: Int, features: Int, network: any Network, layout: ParameterLayout, sums: StepSums, parameters: Floats
    ) {
        let c = layout.subcomponents
        self.layout = layout
        self.network = network
        self.parameters = parameters
        self.sums = TileSums(sums)
        accumulator = sums.accumulator.pointer
        tile = Tile(
            capacity: capacity, features: features, outputs: network.outputs, modules: network.modules.count,
            subcomponents: c)
        scratch = Storage(count: network.scratchCount(rows: capacity))
        intervals = sums.fits == nil ? nil : Numbered(ck_interval(), count: network.modules.count * c)
    }

    /// The tile's blocks and the step's sums, as the network's passes take them.
    var pass: Pass {
        Pass(
            tile: tile, parameters: parameters, accumulator: accumulator, sums: sums, scratch: scratch.pointer,
            crew: crew)
    }

    /// Widens the intervals by those of the inner activations of a tile.
    func findIntervals(of rows: BatchRows, tile number: Int) {
        guard let intervals else { return }
        tile.load(rows, tile: number)
        network.clean(pass)
        for (index, share) in tile.modules.enumerated() {
            guard let own = intervals.from(index * layout.subcomponents) else { continue }
            ck_widen_intervals(own, share.inner, layout.subcomponents, tile.rows)
        }
    }

    /// Forgets the intervals of all tiles before.
    func resetIntervals() {
        guard let intervals, let first = intervals.from(0) else { return }
        ck_reset_intervals(first, intervals.all.count)
    }

    /// Widens some of a module's intervals by those of this worker's tiles.
    func addIntervals(to joined: UnsafeMutablePointer<ck_interval>, ofModule module: Int, _ components: Range<Int>) {
        guard let own = intervals?.from(module * layout.subcomponents + components.lowerBound) else { return }
        ck_join_intervals(joined + components.lowerBound, own, components.count)
    }

    /// Fits the gates on the intervals that some rows span.
    ///
    /// - Returns: The interpolants, unless gates are computed row by row.
    func fitGates(_ decomposition: FeatureDecomposition, over parts: [BatchRows]) -> Numbered<ck_fit>? {
        guard let intervals else { return nil }
        resetIntervals()
        for rows in parts {
            for number in 0..<rows.tiles(of: tile.capacity) { findIntervals(of: rows, tile: number) }
        }
        let kept = parts.reduce(0) { $0 + $1.kept }
        for (index, gates) in decomposition.subcomponents.gates.enumerated() {
            let place = index * layout.subcomponents
            guard let fits = ownFits.from(place), let intervals = intervals.from(place) else { continue }
            gates.fit(fits, on: intervals, parameters: parameters, rows: kept)
        }
        return ownFits
    }

    /// Runs the unmodified target over the tile, and every module's gates: fills `gate` and `ci`.
    func forwardGates(_ decomposition: FeatureDecomposition, fits: Numbered<ck_fit>?) {
        network.clean(pass)
        forEachComponents { index, share, components in
            decomposition.subcomponents.gates[index].forward(
                share.gate, components, ci: share.ci, ciUpper: tile.ciUpper + components.lowerBound * tile.rows,
                sigmoid: decomposition.settings.sigmoid, a: share.inner,
                fits: fits?.from(index * layout.subcomponents), parameters: parameters, rows: tile.rows)
        }
    }

    /// Runs `body` on some subcomponents of some modules at a time, which the tile's crew shares.
    private func forEachComponents(
        of modules: Range<Int>? = nil, _ body: (_ index: Int, _ share: Tile.Module, _ components: Range<Int>) -> Void
    ) {
        let (modules, c) = (modules ?? tile.modules.indices, layout.subcomponents)
        let each = crew.isAlone ? c : max(1, (1 << 13) / tile.rows)
        let pieces = (c + each - 1) / each
        crew.share(modules.count * pieces) { piece in
            let (index, first) = (modules.lowerBound + piece / pieces, piece % pieces * each)
            body(index, tile.modules[index], first..<min(first + each, c))
        }
    }

    /// Computes a tile of a step, once the gates are fitted.
    func process(_ rows: BatchRows, tile number: Int, _ decomposition: FeatureDecomposition, plan: StepPlan) {
        let settings = decomposition.settings
        let taken = tile.load(rows, tile: number)
        let pass = pass
        forwardGates(decomposition, fits: decomposition.sums.fits)
        forEachComponents { _, share, components in
            for block in [share.dInner, share.dci] {
                (block + components.lowerBound * tile.rows).update(repeating: 0, count: components.count * tile.rows)
            }
        }
        for (index, run) in decomposition.runs.enumerated() where run.coefficient != 0 || plan.reporting {
            sums.begin(tile: number, run: index, crew)
            fillUniforms(run, decomposition: decomposition, plan: plan)
            network.forward(pass, replaced: run.replaced)
            let elements =
                settings.outputLoss == .mse ? settings.batchSize * network.outputs : settings.batchSize
            let scale = Float(run.share / Double(elements)) * run.coefficient
            let outputLoss = settings.outputLoss == .mse ? ck_mse : ck_kl
            let loss = outputLoss(
                tile.dOutput, tile.output, tile.target, tile.live, scale, network.outputs, tile.rows)
            sums.inTurn { $0.runSums[index] += loss }
            if run.coefficient != 0 { network.backward(pass, replaced: run.replaced) }
        }
        sums.begin(tile: number, run: decomposition.runs.count, crew)
        for index in tile.modules.indices {
            sums.inTurn { backwardImportance(index, decomposition: decomposition, plan: plan, sums: $0) }
        }
        network.backwardInner(pass)
        plan.capture?.record(self, of: rows, taken, decomposition: decomposition)
    }

    private func backwardImportance(
        _ index: Int, decomposition: FeatureDecomposition, plan: StepPlan, sums: StepSums
    ) {
        let (c, share) = (layout.subcomponents, tile.modules[index])
        sums.counts[index] += ck_importance_counts(
            sums.peaks.pointer + index * c, share.ci, tile.weight, 0.01, c, tile.rows)
        let block = GateBlock(
            inner: share.inner, dInner: share.dInner, gate: share.gate, dci: share.dci, weight: tile.weight)
        // The tile's room for a module's masks is free by now.
        let scratch = GateBlock.Scratch(
            ci: share.masked, ciUpper: tile.ciUpper, dciUpper: tile.dciUpper, dGate: tile.dGate)
        guard let importance = sums.importanceSums.baseAddress, let schatten = sums.schattenSums.baseAddress else {
            return
        }
        forEachComponents(of: index..<index + 1) { _, _, components in
            decomposition.subcomponents.gates[index].backwardImportance(
                block, components, scratch: scratch.from(components.lowerBound * tile.rows),
                settings: decomposition.settings, perRow: 1 / Float(decomposition.settings.batchSize),
                squaredNorms: plan.squaredNorms + index * c, importance: importance + index * c,
                schatten: schatten + index * c, fits: sums.fits?.from(index * c), parameters: parameters,
                gradients: sums.gateGradients, rows: tile.rows)
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
                    forEachComponents(of: index..<index + 1) { _, _, components in
                        ck_uniform_rows(
                            uniforms + components.lowerBound * rows, tile.rowIndex, components.lowerBound,
                            components.count, rows, decomposition.settings.batchSize, stream.key)
                    }
                }
            }
        }
    }
}

/// Workers for the threads of a team, made as they are needed; a piece of work borrows one.
final class StepWorkers {
    private let make: () -> StepWorker
    private let places: UnsafeMutableBufferPointer<StepWorker?>
    private let free: Mutex<(numbers: [Int], made: Int)>

    init(threads: Int, _ make: @escaping () -> StepWorker) {
        self.make = make
        places = .allocate(capacity: threads)
        places.initialize(repeating: nil)
        free = Mutex(([], 0))
    }

    deinit {
        places.deinitialize()
        places.deallocate()
    }

    /// All that have been made; to be asked for between regions of the team.
    var all: [StepWorker] { places.compactMap(\.self) }

    /// Runs `body` with a worker that nobody else has meanwhile, for a crew that it leads.
    ///
    /// - Precondition: on the team's threads.
    func withOne(_ crew: Crew = .alone, _ body: (StepWorker) -> Void) {
        let number = free.withLock { free in
            if let number = free.numbers.popLast() { return number }
            places[free.made] = make()
            free.made += 1
            return free.made - 1
        }
        if let worker = places[number] {
            worker.crew = crew
            body(worker)
        }
        free.withLock { $0.numbers.append(number) }
    }
}
