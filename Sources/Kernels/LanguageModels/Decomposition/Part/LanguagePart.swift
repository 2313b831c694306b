internal import CKernels
import Metrics

/// A part of a language model's step: the losses of some rows of tokens and their gradients.
///
/// One thread leads a part, with the part's own memory, and shares the pieces of its work with a crew: no piece depends on
/// how many threads there are. The part's rows go through the model a few at a time.
final class LanguagePart {
    /// A decomposed linear map's share of the current rows: blocks (C, places).
    struct LinearShare {
        let inner: Floats
        let gate: Floats
        let ci: Floats
        let dInner: Floats
        let dci: Floats
        /// The uniform numbers of the current masks.
        let uniforms: Floats
        /// The masked inner activations; in the backward pass their gradient.
        let masked: Floats
        /// The inner activations where an earlier module is masked too.
        let maskedInner: Floats
    }

    enum Share {
        case linear(LinearShare)
        case entries(EntryShare)
    }

    /// Which rows of the batch are this part's.
    let rows: Range<Int>
    let crew: Crew
    let pass: TransformerPass
    let clean: PassMemory
    let masked: PassMemory
    let head: HeadWork
    let shares: [Share]
    let model: LanguageModel
    let accumulator: LanguageAccumulator
    var sums: LanguageSums
    /// The highest causal importance of each subcomponent this step (modules, C).
    let peaks: Storage
    /// The evaluation of the target's outputs, and an embedding alone behind the head.
    let target: HeadWork.Target
    let bareTarget: HeadWork.Target
    /// A masked embedding alone (width, places).
    let bareEmbedding: Floats
    /// The gradient of a run's final norm, or of a masked embedding (width, places).
    let dOutput: Floats
    /// The gradient of a decomposed head's masked inner activations (C, places).
    let dHead: Floats
    /// Room for the causal importances of a module, as masks and as importance losses see them (C, places or entries).
    let importances: (ci: Floats, ciUpper: Floats)
    let memory: ThreadMemory
    /// 1 for each place.
    let ones: Floats
    private let fits: UnsafeMutableBufferPointer<ck_fit>?
    private let storage: Storage
    /// The masked memory as it was allocated: a run that begins inside a layer borrows the clean pass's blocks there.
    let ownLayers: [LayerMemory]
    let ownFinalNormed: Floats
    private var slots: [Int32]

    /// The current run.
    var run = MaskState()
    /// The first place of the batch that is being worked on, and how many there are.
    private(set) var firstPlace = 0
    var places: Int { pass.places }

    /// Which masks are in force.
    struct MaskState {
        var replaced = ModuleSet.all
        var first = Stage.embedding
        /// Whether no subcomponent is on at all.
        var isZero = false
        /// Each entry share's draws (places, C): its own memory or what is given.
        var draws: [Floats?] = []
    }

    /// - Throws: `outOfMemory`.
    init(rows: Range<Int>, model: LanguageModel, rotary: RotaryTables, crew: Crew, memory: ThreadMemory)
        throws(KernelError)
    {
        let (shape, settings, length) = (model.weights.shape, model.settings, model.length)
        let capacity = min(shape.rowsPerPass(length: length), max(rows.count, 1))
        let (places, c, width) = (capacity * length, settings.subcomponents, shape.width)
        self.rows = rows
        self.model = model
        self.crew = crew
        self.memory = memory
        pass = TransformerPass(
            weights: model.weights, maps: model.maps, rotary: rotary, capacity: capacity, length: length, crew: crew,
            memory: memory.attention)
        let layers = Set(model.modules.compactMap(\.stage.layer))
        let firstLayer =
            model.modules.map { $0.stage == .embedding ? 0 : $0.stage.layer ?? shape.layers.count }.min() ?? 0
        clean = PassMemory(shape: shape, places: places) { layers.contains($0) }
        masked = PassMemory(shape: shape, places: places) { $0 >= firstLayer }
        ownLayers = masked.layers
        ownFinalNormed = masked.finalNormed
        let hasHead = model.headIndex != nil
        head = try HeadWork(
            weights: model.weights, maps: model.maps, places: places, crew: crew, memory: memory.head,
            isDecomposed: hasHead)

        let entriesOf = model.modules.map { module -> Int? in
            switch module.kind {
            case .tokens: min(rows.count * length, shape.vocabulary)
            case .positions: length
            case .linear, .head: nil
            }
        }
        let needsBare = settings.coefficients[.embeddingRecon] != nil
        let gateRows = max(places, ((entriesOf.compactMap { $0 }.max() ?? 0) + 15) & ~15)
        var counts = Array(repeating: c * gateRows, count: 2)
        counts += [
            width * places, needsBare ? width * places : 0, needsBare ? width * places : 0,
            needsBare ? width * places : 0,
            width * places, hasHead ? c * places : 0, places, 2 * places, 2 * places,
        ]
        let sharesStart = counts.count
        for module in model.modules where !module.kind.isEmbedding { counts += Array(repeating: c * places, count: 8) }
        let (storage, blocks) = Storage.blocks(counts)
        self.storage = storage
        importances = (blocks[0], blocks[1])
        func doubles(_ block: Floats) -> UnsafeMutablePointer<Double> {
            UnsafeMutableRawPointer(block).bindMemory(to: Double.self, capacity: places)
        }
        target = HeadWork.Target(x: clean.finalNormed, expectation: blocks[2], logSums: doubles(blocks[9]))
        bareTarget = HeadWork.Target(x: blocks[3], expectation: blocks[4], logSums: doubles(blocks[10]))
        bareEmbedding = blocks[5]
        dOutput = blocks[6]
        dHead = blocks[7]
        ones = blocks[8]
        ones.update(repeating: 1, count: places)
        var next = sharesStart
        shares = model.modules.indices.map { index in
            if let entries = entriesOf[index] {
                return .entries(
                    EntryShare(
                        isPositions: model.modules[index].kind == .positions, module: index, components: c,
                        length: length, entries: entries, placesPerPass: places))
            }
            defer { next += 8 }
            return .linear(
                LinearShare(
                    inner: blocks[next], gate: blocks[next + 1], ci: blocks[next + 2], dInner: blocks[next + 3],
                    dci: blocks[next + 4], uniforms: blocks[next + 5], masked: blocks[next + 6],
                    maskedInner: blocks[next + 7]))
        }
        accumulator = LanguageAccumulator(model)
        sums = LanguageSums(model)
        peaks = Storage(count: model.modules.count * c)
        slots = Array(repeating: -1, count: shape.vocabulary)
        if settings.interpolatesGates, settings.gateNeurons > 0 {
            fits = .allocate(capacity: model.modules.count * c)
            fits?.initialize(repeating: ck_fit())
        } else {
            fits = nil
        }
    }

    deinit {
        fits?.deallocate()
    }

    /// A module's fits, which need blocks of whole vectors: other rows run through the gates' neurons.
    func fits(_ module: Int) -> UnsafeMutablePointer<ck_fit>? {
        guard model.modules[module].kind.isEmbedding || places % 16 == 0 else { return nil }
        return fits?.baseAddress.map { $0 + module * model.settings.subcomponents }
    }

    /// Finds this part's entries and runs the gates that depend on them alone.
    func loadEntries(_ tokens: UnsafePointer<Int32>) {
        let length = model.length
        let own = UnsafeBufferPointer(start: tokens + rows.lowerBound * length, count: rows.count * length)
        for case .entries(let share) in shares {
            share.load(own, slots: &slots, countsPositions: rows.lowerBound == 0)
            let place = model.layout.modules[share.module]
            share.forward(
                model.gates[share.module], v: model.parameters + place.v, parameters: model.parameters,
                sigmoid: model.settings.sigmoid, fits: fits(share.module),
                room: importances)
        }
    }

    /// Goes through this part's rows a few at a time, those at hand loaded.
    func forEachLoad(_ tokens: UnsafePointer<Int32>, _ body: () -> Void) {
        let length = model.length
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: pass.capacity) {
            pass.load(tokens + first * length, rows: min(pass.capacity, rows.upperBound - first))
            firstPlace = first * length
            body()
        }
    }

    /// Computes this part of a step.
    func process(_ plan: LanguagePlan) {
        accumulator.clear()
        peaks.clear()
        sums.clear()
        loadEntries(plan.tokens)
        countEntries()
        forEachLoad(plan.tokens) {
            if model.needsModel || plan.reporting {
                runClean()
                measureTarget(reporting: plan.reporting)
            }
            for (number, masks) in model.runs.enumerated() where masks.coefficient != 0 || plan.reporting {
                sums.runs[number] += runMasked(masks, plan)
            }
            if plan.reporting { addMetrics(plan) }
            plan.capture?.record(self)
            backwardLinears(plan)
        }
        for case .entries(let share) in shares { backwardEntries(share, plan) }
    }

    /// Runs the unmodified target over the current rows, and the gates of every linear map.
    func runClean() {
        let n = places
        pass.forward(clean)
        let linears = linearShares
        pass.forEachColumns { columns in
            for (index, share) in linears {
                let first = columns.lowerBound
                model.v(index).multiplyTransposed(
                    input(of: index, in: clean) + first, into: share.inner + first, columns.count, stride: n)
            }
        }
        forEachComponents(of: linears, rows: n) { index, share, components in
            let (gates, first, count) = (model.gates[index], components.lowerBound * n, components.count)
            let fits = fits(index)
            if let fits { gates.fit(fits, to: share.inner, components, parameters: model.parameters, rows: n) }
            gates.forward(
                share.gate, components, ci: share.ci, ciUpper: memory.gates.own.scratch.ciUpper,
                sigmoid: model.settings.sigmoid, a: share.inner, fits: fits, parameters: model.parameters, rows: n)
            (share.dInner + first).update(repeating: 0, count: count * n)
            (share.dci + first).update(repeating: 0, count: count * n)
        }
        for (index, share) in linears { count(index, ci: share.ci, weight: ones, rows: n) }
    }

    /// The linear maps that are decomposed, by their numbers among the modules.
    var linearShares: [(index: Int, share: LinearShare)] {
        shares.enumerated().compactMap { index, share in
            if case .linear(let share) = share { (index, share) } else { nil }
        }
    }

    /// Runs `body` on some subcomponents of some modules at a time, as pieces that the crew shares.
    func forEachComponents<Share>(
        of shares: [(index: Int, share: Share)], rows: Int, _ body: (Int, Share, Range<Int>) -> Void
    ) {
        let c = model.settings.subcomponents
        let each = max(1, Self.elementsPerPiece / max(rows, 1))
        let pieces = (c + each - 1) / each
        crew.share(shares.count * pieces) { piece in
            let first = piece % pieces * each
            body(shares[piece / pieces].index, shares[piece / pieces].share, first..<min(first + each, c))
        }
    }

    /// Few enough for many threads, enough to be worth one's while.
    private static let elementsPerPiece = 4096

    private func count(_ index: Int, ci: Floats, weight: Floats, rows: Int) {
        let c = model.settings.subcomponents
        sums.counts[index] += ck_importance_counts(peaks.pointer + index * c, ci, weight, 0.01, c, rows)
    }

    private func countEntries() {
        for case .entries(let share) in shares {
            ck_importance_forward(
                importances.ci, importances.ciUpper, share.block.gate, model.settings.sigmoid.code,
                model.settings.subcomponents * share.gateRows)
            count(share.module, ci: importances.ci, weight: share.block.weight, rows: share.gateRows)
        }
    }

    /// What a linear map reads in a pass (inputs, places).
    func input(of module: Int, in memory: PassMemory) -> Floats {
        switch model.modules[module].stage {
        case .projections(let layer): memory.layers[layer].normed
        case .attention(let layer): memory.layers[layer].mixed
        case .hidden(let layer): memory.layers[layer].mlpNormed
        case .mlpOutput(let layer): memory.layers[layer].acted
        case .embedding, .head: memory.finalNormed
        }
    }
}
