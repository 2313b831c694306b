internal import CKernels
import Metrics

/// A part of a language model's step: the losses of some rows of tokens and their gradients.
///
/// One thread at a time works on a part, with the part's own memory. Its rows go through the model a few at a time.
final class LanguagePart {
    /// A decomposed linear map's share of the rows at hand: blocks (C, places).
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
    /// What the target's outputs come to, and an embedding alone behind the head.
    let target: HeadWork.Target
    let bareTarget: HeadWork.Target
    /// A masked embedding alone (width, places).
    let bareEmbedding: Floats
    /// The gradient of a run's final norm, or of a masked embedding (width, places).
    let dOutput: Floats
    /// The gradient of a decomposed head's masked inner activations (C, places).
    let dHead: Floats
    let scratch: GateBlock.Scratch
    /// 1 for each place.
    let ones: Floats
    private let placeNumbers: UnsafeMutablePointer<UInt32>
    private let fits: UnsafeMutableBufferPointer<ck_fit>?
    private let storage: Storage
    /// The masked memory as it was allocated: a run that begins inside a layer borrows the clean pass's blocks there.
    private let ownLayers: [LayerMemory]
    private let ownFinalNormed: Floats
    private var slots: [Int32]

    /// The run at hand.
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

    init(rows: Range<Int>, model: LanguageModel, rotary: RotaryTables) {
        let (shape, settings, length) = (model.weights.shape, model.settings, model.length)
        let capacity = min(shape.rowsPerPass(length: length), max(rows.count, 1))
        let (places, c, width) = (capacity * length, settings.subcomponents, shape.width)
        self.rows = rows
        self.model = model
        pass = TransformerPass(weights: model.weights, rotary: rotary, capacity: capacity, length: length)
        let layers = Set(model.modules.compactMap(\.stage.layer))
        let firstLayer =
            model.modules.map { $0.stage == .embedding ? 0 : $0.stage.layer ?? shape.layers.count }.min() ?? 0
        clean = PassMemory(shape: shape, places: places) { layers.contains($0) }
        masked = PassMemory(shape: shape, places: places) { $0 >= firstLayer }
        ownLayers = masked.layers
        ownFinalNormed = masked.finalNormed
        head = HeadWork(weights: model.weights, places: places)

        let entriesOf = model.modules.map { module -> Int? in
            switch module.kind {
            case .tokens: min(rows.count * length, shape.vocabulary)
            case .positions: length
            case .linear, .head: nil
            }
        }
        let hasHead = model.modules.contains { $0.kind == .head }
        let needsBare = settings.coefficients[.embeddingRecon] != nil
        let gateRows = max(places, ((entriesOf.compactMap { $0 }.max() ?? 0) + 15) & ~15)
        var counts = Array(repeating: c * gateRows, count: 4)
        counts += [
            width * places, needsBare ? width * places : 0, needsBare ? width * places : 0,
            needsBare ? width * places : 0,
            width * places, hasHead ? c * places : 0, places, places, 2 * places, 2 * places,
        ]
        let sharesStart = counts.count
        for module in model.modules where !module.kind.isEmbedding { counts += Array(repeating: c * places, count: 8) }
        let (storage, blocks) = Storage.blocks(counts)
        self.storage = storage
        scratch = GateBlock.Scratch(ci: blocks[0], ciUpper: blocks[1], dciUpper: blocks[2], dGate: blocks[3])
        func doubles(_ block: Floats) -> UnsafeMutablePointer<Double> {
            UnsafeMutableRawPointer(block).bindMemory(to: Double.self, capacity: places)
        }
        target = HeadWork.Target(x: clean.finalNormed, expectation: blocks[4], logSums: doubles(blocks[12]))
        bareTarget = HeadWork.Target(x: blocks[5], expectation: blocks[6], logSums: doubles(blocks[13]))
        bareEmbedding = blocks[7]
        dOutput = blocks[8]
        dHead = blocks[9]
        ones = blocks[10]
        ones.update(repeating: 1, count: places)
        placeNumbers = UnsafeMutableRawPointer(blocks[11]).bindMemory(to: UInt32.self, capacity: places)
        var next = sharesStart
        let scratch = scratch
        shares = model.modules.indices.map { index in
            if let entries = entriesOf[index] {
                return .entries(
                    EntryShare(
                        isPositions: model.modules[index].kind == .positions, module: index, components: c,
                        length: length, entries: entries, placesPerPass: places, scratch: scratch))
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
    private func fits(_ module: Int) -> UnsafeMutablePointer<ck_fit>? {
        guard model.modules[module].kind.isEmbedding || places % 16 == 0 else { return nil }
        return fits?.baseAddress.map { $0 + module * model.settings.subcomponents }
    }

    // MARK: The course of a step

    /// Finds this part's entries and runs the gates that depend on them alone.
    func loadEntries(_ tokens: UnsafePointer<Int32>) {
        let length = model.length
        let own = UnsafeBufferPointer(start: tokens + rows.lowerBound * length, count: rows.count * length)
        for case .entries(let share) in shares {
            share.load(own, slots: &slots, countsPositions: rows.lowerBound == 0)
            let place = model.layout.modules[share.module]
            share.forward(
                model.gates[share.module], v: model.parameters + place.v, parameters: model.parameters,
                sigmoid: model.settings.sigmoid, fits: fits(share.module))
        }
    }

    /// Goes through this part's rows a few at a time, those at hand loaded.
    func forEachLoad(_ tokens: UnsafePointer<Int32>, _ body: () -> Void) {
        let length = model.length
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: pass.capacity) {
            pass.load(tokens + first * length, rows: min(pass.capacity, rows.upperBound - first))
            firstPlace = first * length
            for place in 0..<places { placeNumbers[place] = UInt32(firstPlace + place) }
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
            for index in shares.indices { backwardLinear(index, plan) }
        }
        for case .entries(let share) in shares { backwardEntries(share, plan) }
    }

    /// Runs the unmodified target over the rows at hand, and the gates of every linear map.
    func runClean() {
        let (c, n) = (model.settings.subcomponents, places)
        pass.forward(clean)
        for (index, share) in shares.enumerated() {
            guard case .linear(let share) = share else { continue }
            let (place, gates, input) = (model.layout.modules[index], model.gates[index], input(of: index, in: clean))
            product(
                into: share.inner, model.parameters + place.v, input, m: c, n: n, k: place.inputs, .transposed)
            if let fits = fits(index) {
                ck_reset_fits(fits, c)
                ck_widen_intervals(fits, share.inner, c, n)
                gates.fit(fits, parameters: model.parameters, rows: n)
            }
            gates.forward(share.gate, a: share.inner, fits: fits(index), parameters: model.parameters, rows: n)
            ck_importance_forward(share.ci, scratch.ciUpper, share.gate, model.settings.sigmoid.code, c * n)
            count(index, ci: share.ci, weight: ones, rows: n)
            share.dInner.update(repeating: 0, count: c * n)
            share.dci.update(repeating: 0, count: c * n)
        }
    }

    private func count(_ index: Int, ci: Floats, weight: Floats, rows: Int) {
        let c = model.settings.subcomponents
        sums.counts[index] += ck_importance_counts(peaks.pointer + index * c, ci, weight, 0.01, c, rows)
    }

    private func countEntries() {
        for case .entries(let share) in shares {
            ck_importance_forward(
                scratch.ci, scratch.ciUpper, share.block.gate, model.settings.sigmoid.code,
                model.settings.subcomponents * share.gateRows)
            count(share.module, ci: scratch.ci, weight: share.block.weight, rows: share.gateRows)
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

    // MARK: Masked runs

    /// Prepares a run with some modules replaced: it begins at the first of them, on what the clean pass has left.
    func begin(_ replaced: ModuleSet) {
        let first = model.modules.indices.filter { replaced.contains($0) }.map { model.modules[$0].stage }.min()
        run = MaskState(replaced: replaced, first: first ?? .embedding)
        run.draws = Array(repeating: nil, count: shares.count)
        masked.layers = ownLayers
        masked.finalNormed = run.first == .head ? clean.finalNormed : ownFinalNormed
        guard let layer = run.first.layer else { return }
        let from = clean.layers[layer]
        masked.layers[layer].input = from.input
        switch run.first {
        case .attention: masked.layers[layer].mixed = from.mixed
        case .hidden:
            masked.layers[layer].middle = from.middle
            masked.layers[layer].mlpNormed = from.mlpNormed
        case .mlpOutput:
            masked.layers[layer].middle = from.middle
            masked.layers[layer].acted = from.acted
        default: break
        }
    }

    /// Sets the masks' uniform numbers for the run at hand.
    func draw(_ uniforms: MaskedRun.Uniforms, of term: LossTerm, _ plan: LanguagePlan) {
        let (c, n) = (model.settings.subcomponents, places)
        for (index, share) in shares.enumerated() where run.replaced.contains(index) {
            let own: Floats
            switch share {
            case .linear(let share): own = share.uniforms
            case .entries(let share): own = share.drawn
            }
            run.draws[index] = own
            switch uniforms {
            case .zeros: own.update(repeating: 0, count: c * n)
            case .ones: own.update(repeating: 1, count: c * n)
            case .drawn(let sample):
                let given = plan.given?.uniforms(term, sample: sample, module: index)
                let stream = RandomStream(
                    seed: model.settings.seed, .mask, plan.step, term.streamNumber, sample, index)
                switch share {
                case .linear:
                    if let given {
                        ck_gather_rows(own, placeNumbers, given, c, n)
                    } else {
                        ck_uniform_rows(own, placeNumbers, c, n, plan.places, stream.key)
                    }
                case .entries(let share):
                    let first = share.isPositions ? 0 : firstPlace * c
                    if let given {
                        run.draws[index] = given + first
                    } else {
                        ck_uniform(
                            own, share.isPositions ? model.length * c : n * c, stream.key,
                            UInt32(truncatingIfNeeded: first))
                    }
                }
            }
        }
    }

    /// One masked run that a loss averages over, forward and, unless its coefficient is 0, back.
    private func runMasked(_ masks: MaskedRun, _ plan: LanguagePlan) -> Double {
        begin(masks.replaced)
        draw(masks.uniforms, of: masks.term, plan)
        let isTrained = masks.coefficient != 0
        let isKL = model.settings.outputLoss == .kl || masks.term == .embeddingRecon
        let elements = isKL ? plan.places : plan.places * head.vocabulary
        let scale = Float(masks.share / Double(elements)) * masks.coefficient
        if masks.term == .embeddingRecon { return embeddingLoss(isTrained: isTrained, scale: scale) }
        return outputLoss(model.settings.outputLoss, isTrained: isTrained, scale: scale)
    }

    /// Runs the model with the masks at hand, and takes the gradients of its output loss back.
    func outputLoss(_ kind: OutputLoss, isTrained: Bool, scale: Float) -> Double {
        pass.forward(masked, from: run.first, replacing: self)
        let loss: Double
        if let components = applyHead() {
            switch kind {
            case .kl:
                loss = head.divergence(of: components, from: target, places: places, isTrained: isTrained, scale: scale)
            case .mse:
                loss = head.squaredError(
                    of: components, from: target, places: places, isTrained: isTrained, scale: scale)
            }
            if isTrained { applyHeadBack() }
        } else {
            let dy = isTrained ? dOutput : nil
            switch kind {
            case .kl: loss = head.divergence(of: masked.finalNormed, from: target, places: places, dy: dy, scale: scale)
            case .mse:
                loss = head.squaredError(
                    of: masked.finalNormed, from: target, gram: model.gram.pointer, places: places, dy: dy, scale: scale
                )
            }
        }
        if isTrained { pass.backward(masked, dFinal: dOutput, to: run.first, replacing: self) }
        return loss
    }

    /// The masked embedding against the embedding, each by itself or behind the bare head.
    private func embeddingLoss(isTrained: Bool, scale: Float) -> Double {
        let (width, n) = (head.width, places)
        let module = model.modules[0]
        if module.kind == .tokens {
            ck_embed(bareTarget.x, model.weights.pointer + model.weights.embedding, pass.tokens, width, n)
        } else if let positions = model.weights.positions {
            bareTarget.x.update(repeating: 0, count: width * n)
            ck_add_positions(bareTarget.x, model.weights.pointer + positions, width, pass.rows, pass.length)
        }
        embed(module.kind == .tokens ? 0 : 1, output: bareEmbedding, adding: false)
        let loss: Double
        if model.settings.judgesEmbeddingsUnembedded {
            head.measure(bareTarget, places: n, withExpectation: true)
            loss = head.divergence(
                of: bareEmbedding, from: bareTarget, places: n, dy: isTrained ? dOutput : nil, scale: scale)
        } else {
            dOutput.update(from: bareEmbedding, count: width * n)
            loss = ck_mse_tile(dOutput, bareTarget.x, scale, width * n)
        }
        if isTrained { embedBack(module.kind == .tokens ? 0 : 1, dOutput: dOutput) }
        return loss
    }

    private func measureTarget(reporting: Bool) {
        head.measure(target, places: places, withExpectation: reporting || model.settings.outputLoss == .kl)
    }

    // MARK: The way back through the gates

    private func backwardLinear(_ index: Int, _ plan: LanguagePlan) {
        guard case .linear(let share) = shares[index] else { return }
        let (place, n) = (model.layout.modules[index], places)
        let block = GateBlock(
            inner: share.inner, dInner: share.dInner, gate: share.gate, dci: share.dci, weight: ones, scratch: scratch)
        backwardImportance(index, block, rows: n, perRow: 1 / Float(plan.places), plan)
        product(
            into: accumulator.v(index), input(of: index, in: clean), share.dInner, m: place.inputs,
            n: model.settings.subcomponents, k: n, .none, .transposed, keep: 1)
    }

    private func backwardEntries(_ share: EntryShare, _ plan: LanguagePlan) {
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
