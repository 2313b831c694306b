internal import CKernels
import Metrics

/// The masked runs over the current rows.
extension LanguagePart {
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

    /// Sets the masks' uniform numbers for the current run.
    func draw(_ uniforms: MaskedRun.Uniforms, of term: LossTerm, _ plan: LanguagePlan) {
        for case .entries(let share) in shares where run.replaced.contains(share.module) {
            drawEntries(share, uniforms, of: term, plan)
        }
        let (n, first) = (places, firstPlace)
        let replaced = linearShares.filter { run.replaced.contains($0.index) }
        forEachComponents(of: replaced, rows: n) { index, share, components in
            let (own, count) = (share.uniforms + components.lowerBound * n, components.count)
            switch uniforms {
            case .zeros: own.update(repeating: 0, count: count * n)
            case .ones: own.update(repeating: 1, count: count * n)
            case .drawn(let sample):
                let (c, key) = (model.settings.subcomponents, stream(term, sample, index, plan).key)
                let given = plan.given?.uniforms(term, sample: sample, module: index)
                for (row, component) in components.enumerated() {
                    if let given {
                        for place in 0..<n { own[row * n + place] = given[(first + place) * c + component] }
                    } else {
                        ck_uniform(
                            own + row * n, n, key, UInt32(truncatingIfNeeded: component * plan.places + first))
                    }
                }
            }
        }
    }

    private func stream(_ term: LossTerm, _ sample: Int, _ module: Int, _ plan: LanguagePlan) -> RandomStream {
        RandomStream(seed: model.settings.seed, .mask, plan.step, term.streamNumber, sample, module)
    }

    private func drawEntries(
        _ share: EntryShare, _ uniforms: MaskedRun.Uniforms, of term: LossTerm, _ plan: LanguagePlan
    ) {
        let c = model.settings.subcomponents
        run.draws[share.module] = share.drawn
        switch uniforms {
        case .zeros: share.drawn.update(repeating: 0, count: c * places)
        case .ones: share.drawn.update(repeating: 1, count: c * places)
        case .drawn(let sample):
            let (first, rows) = share.isPositions ? (0, model.length) : (firstPlace, places)
            if let given = plan.given?.uniforms(term, sample: sample, module: share.module) {
                run.draws[share.module] = given + first * c
                return
            }
            let key = stream(term, sample, share.module, plan).key
            crew.share(rows, by: 64) { some in
                ck_uniform(
                    share.drawn + some.lowerBound * c, some.count * c, key,
                    UInt32(truncatingIfNeeded: (first + some.lowerBound) * c))
            }
        }
    }

    /// One masked run that a loss averages over, forward and, unless its coefficient is 0, back.
    func runMasked(_ masks: MaskedRun, _ plan: LanguagePlan) -> Double {
        begin(masks.replaced)
        draw(masks.uniforms, of: masks.term, plan)
        let isTrained = masks.coefficient != 0
        let isKL = model.settings.outputLoss == .kl || masks.term == .embeddingRecon
        let elements = isKL ? plan.places : plan.places * head.vocabulary
        let scale = Float(masks.share / Double(elements)) * masks.coefficient
        if masks.term == .embeddingRecon { return embeddingLoss(isTrained: isTrained, scale: scale) }
        return outputLoss(model.settings.outputLoss, isTrained: isTrained, scale: scale)
    }

    /// Runs the model with the current masks, and takes the gradients of its output loss back.
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

    /// The masked embedding against the embedding, each on its own or behind the bare head.
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

    /// Measures the target's outputs, which losses are held against.
    func measureTarget(reporting: Bool) {
        head.measure(target, places: places, withExpectation: reporting || model.settings.outputLoss == .kl)
    }
}
