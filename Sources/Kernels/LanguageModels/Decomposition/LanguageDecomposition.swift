internal import CKernels
import Metrics

/// A language model's decomposition while it is being trained.
public final class LanguageDecomposition: Decomposition {
    /// The target.
    public let target: Transformer
    /// What is computed.
    public let settings: DecompositionSettings
    /// Where the batches come from.
    public let tokens: any TokenSource
    /// The next step to take, from 0; equal to `settings.steps` when training is over.
    public internal(set) var step = 0

    let model: LanguageModel
    let team: Team
    let crews: Crews
    let parts: [LanguagePart]

    /// The decomposed modules' names, in the order of a forward pass.
    public var moduleNames: [String] { model.modules.map(\.name) }

    var length: Int { tokens.length }

    var subcomponents: Subcomponents { model.subcomponents }

    /// Into how many parts a batch falls, each with memory and sums of its own.
    ///
    /// The number does not depend on the threads, so any number of threads gives the same bytes; those beyond it help with
    /// the pieces of the parts.
    static func parts(rows: Int, length: Int, shape: TransformerShape) -> Int {
        let together = shape.rowsPerPass(length: length)
        return min((rows + together - 1) / together, 8)
    }

    /// Starts a decomposition from random subcomponents.
    ///
    /// - Throws: a pattern that matches nothing or what cannot be decomposed, settings that cannot be computed, no
    ///   threads to be had.
    public init(
        target: Transformer, tokens: any TokenSource, settings: DecompositionSettings, logsCrossEntropy: Bool,
        threads: Int
    ) throws(KernelError) {
        let length = tokens.length
        guard settings.subcomponents > 0, settings.batchSize > 0, settings.maskSamples > 0, length > 0 else {
            throw .invalidSettings("C, batch_size, n_mask_samples and max_seq_len must be at least 1")
        }
        if let positions = target.shape.positions, length > positions.count {
            throw .invalidSettings(
                "max_seq_len \(length) is longer than the model's \(positions.count) positions")
        }
        team = try Team(threads: threads)
        model = try LanguageModel(
            target, settings: settings, length: length, logsCrossEntropy: logsCrossEntropy)
        let rotary = RotaryTables(target.shape, length: length)
        let count = Self.parts(rows: settings.batchSize, length: length, shape: target.shape)
        crews = try Crews(parts: count, team: team)
        let memory = ThreadMemory(
            threads: threads, model: model, rows: (settings.batchSize + count - 1) / count, crew: crews[0])
        parts = try (0..<count).map { [model, crews] part throws(KernelError) in
            try LanguagePart(
                rows: settings.batchSize * part / count..<settings.batchSize * (part + 1) / count, model: model,
                rotary: rotary, crew: crews[part], memory: memory)
        }
        self.target = target
        self.tokens = tokens
        self.settings = settings
    }

    // MARK: Steps

    /// Takes one optimiser step.
    ///
    /// A report costs the losses that are not trained on and the metrics.
    ///
    /// - Parameter reporting: Whether to make a report.
    /// - Returns: The report, if one was asked for.
    /// - Throws: `lossNotFinite`, before anything is changed; a batch that does not fit.
    @discardableResult
    public func advance(reporting: Bool) throws(KernelError) -> StepReport? {
        let losses = try compute(tokens.batch(at: step), given: nil, capture: nil, reporting: reporting)
        let report = reporting ? report(losses) : nil
        update()
        return report
    }

    /// Computes a step's losses without changing anything but what is remembered since the last report.
    ///
    /// - Throws: `lossNotFinite`; a batch that does not fit.
    public func evaluate() throws(KernelError) -> StepReport {
        report(try compute(tokens.batch(at: step), given: nil, capture: nil, reporting: true))
    }

    /// Takes one optimiser step on given numbers and says all that it computed.
    public func replay(
        on batch: TokenBatch, uniforms: [GivenNumbers.Key: Tensor]
    ) throws(KernelError) -> (report: StepReport, capture: StepCapture) {
        for (key, tensor) in uniforms {
            guard let module = model.modules.first(where: { $0.name == key.module }) else { continue }
            let shape = [module.kind == .positions ? 1 : settings.batchSize, length, settings.subcomponents]
            guard tensor.shape == shape else {
                throw .wrongShape(
                    tensor: "uniform.\(key.term.rawValue).\(key.sample).\(key.module)", found: tensor.shape,
                    expected: shape)
            }
        }
        let capture = LanguageCapture(self)
        let given = GivenDraws(uniforms, modules: moduleNames)
        let report = report(try compute(batch, given: given, capture: capture, reporting: true))
        let result = capture.result(gradients: subcomponents.named(subcomponents.gradients))
        update()
        return (report, result)
    }

    private func update() {
        subcomponents.update(
            rate: settings.learningRate.rate(at: step, of: settings.steps), step: step, team: team)
        step += 1
    }

    /// Computes all losses and gradients of the current step.
    private func compute(
        _ batch: TokenBatch, given: GivenDraws?, capture: LanguageCapture?, reporting: Bool
    ) throws(KernelError) -> [LossTerm: Double] {
        try check(batch)
        let (c, count) = (settings.subcomponents, model.modules.count)
        let squaredNorms = Storage(count: count * c)
        let faithfulness = subcomponents.faithfulnessLoss(
            coefficient: settings.coefficients[.faithfulness], team: team)
        if settings.coefficients[.schatten] != nil {
            team.share(count) { module in
                self.subcomponents.squaredNorms(module, into: squaredNorms.pointer + module * c)
            }
        }
        model.packSubcomponents(team)
        batch.tokens.withUnsafeBufferPointer { tokens in
            guard let start = tokens.baseAddress else { return }
            let plan = LanguagePlan(
                step: step, tokens: start, places: tokens.count, reporting: reporting,
                squaredNorms: squaredNorms.pointer, given: given, capture: capture)
            crews.share { part in self.parts[part].process(plan) }
        }
        let losses = sumLosses(faithfulness: faithfulness, norms: squaredNorms.pointer)
        for (term, value) in losses.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where !value.isFinite {
            throw .lossNotFinite(step: step, loss: Metric.loss(term).name, value: value)
        }
        sumGradients()
        for part in parts {
            ck_raise(subcomponents.peaks.pointer, part.peaks.pointer, part.peaks.count)
        }
        return losses
    }

    func check(_ batch: TokenBatch) throws(KernelError) {
        try batch.check(for: target.shape)
        guard batch.rows == settings.batchSize, batch.length == length else {
            throw .wrongShape(
                tensor: "batch", found: [batch.rows, batch.length], expected: [settings.batchSize, length])
        }
    }

    /// How many places a module has in a batch: positions are the same in all rows.
    private func places(of module: Int) -> Double {
        Double(model.modules[module].kind == .positions ? length : settings.batchSize * length)
    }

    private func sumLosses(faithfulness: Double, norms: Floats) -> [LossTerm: Double] {
        let (c, places) = (settings.subcomponents, Double(settings.batchSize * length))
        func mean(_ sums: KeyPath<LanguageSums, [Double]>, _ weight: (Int) -> Double) -> Double {
            model.modules.indices.reduce(0) { total, module in
                let sum = parts.reduce(0) { sum, part in
                    (module * c..<(module + 1) * c).reduce(sum) { $0 + part.sums[keyPath: sums][$1] * weight($1) }
                }
                return total + sum / self.places(of: module)
            }
        }
        var losses: [LossTerm: Double] = [.importanceMinimality: mean(\.importance) { _ in 1 }]
        if settings.coefficients[.faithfulness] != nil { losses[.faithfulness] = faithfulness }
        if settings.coefficients[.schatten] != nil { losses[.schatten] = mean(\.schatten) { Double(norms[$0]) } }
        for (number, run) in model.runs.enumerated() {
            let isKL = settings.outputLoss == .kl || run.term == .embeddingRecon
            let elements = isKL ? places : places * Double(target.shape.vocabulary)
            losses[run.term, default: 0] += parts.reduce(0) { $0 + $1.sums.runs[number] } * run.share / elements
        }
        return losses
    }

    /// Adds the parts' sums up in their order and turns them into gradients.
    private func sumGradients() {
        let first = parts[0].accumulator.all
        team.split(first.count) { range in
            for part in self.parts.dropFirst() {
                ck_add(
                    first.pointer + range.lowerBound, part.accumulator.all.pointer + range.lowerBound, range.count)
            }
        }
        let (gradients, c) = (subcomponents.gradients.pointer, settings.subcomponents)
        parts[0].accumulator.add(to: gradients, layout: model.layout)
        for part in parts {
            for case .entries(let share) in part.shares {
                let v = gradients + model.layout.modules[share.module].v
                for (slot, entry) in share.entries.enumerated() {
                    ck_add(v + Int(entry) * c, share.dInner + slot * c, c)
                }
            }
        }
        guard let coefficient = settings.coefficients[.schatten], coefficient != 0 else { return }
        for module in model.modules.indices {
            let factors = (module * c..<(module + 1) * c).map { place in
                2 * coefficient * Float(parts.reduce(0) { $0 + $1.sums.schatten[place] } / places(of: module))
            }
            subcomponents.addSchattenGradients(module, factors: factors)
        }
    }

    private func report(_ losses: [LossTerm: Double]) -> StepReport {
        let l0 = model.modules.indices.map { index in
            (model.modules[index].name, parts.reduce(0) { $0 + $1.sums.counts[index] } / places(of: index))
        }
        return StepReport(
            step: step, learningRate: settings.learningRate.rate(at: step, of: settings.steps), losses: losses,
            total: settings.coefficients.total(of: losses), gradientNorm: subcomponents.gradientNorm,
            alive: subcomponents.takeAlive(), l0: Dictionary(uniqueKeysWithValues: l0), measures: measures,
            tables: embeddingSample.map { [$0] } ?? [])
    }

    private var measures: [NamedNumber] {
        let places = Double(settings.batchSize * length)
        var result = [
            NamedNumber(
                .unmaskedDivergence, parts.reduce(0) { $0 + $1.sums.unmaskedKL } / places),
            NamedNumber(.maskedDivergence, parts.reduce(0) { $0 + $1.sums.maskedKL } / places),
        ]
        // A single place is held against nothing.
        guard model.logsCrossEntropy, places > 1 else { return result }
        for variant in Metric.ModelVariant.allCases {
            let sum = parts.reduce(0) { $0 + ($1.sums.crossEntropies[variant] ?? 0) }
            result.append(NamedNumber(.crossEntropy(variant), sum / (places - 1)))
        }
        return result
    }

    /// The causal importances over 0.1 of the first places of row 0, at most ten each, as the published table has them.
    private var embeddingSample: ReportTable? {
        let c = settings.subcomponents
        for case .entries(let share) in parts[0].shares where !share.isPositions {
            let rows = share.entryOfPlace.prefix(min(20, length)).enumerated().map { place, entry in
                let active = (0..<c).lazy.map { share.ci[Int(entry) * c + $0] }.filter { $0 > 0.1 }.prefix(10)
                let cells = active.map { TwoDecimals.text(Double($0)) }
                return [String(place)] + cells + Array(repeating: "0", count: 10 - cells.count)
            }
            return ReportTable(
                name: "misc/embed_ci_sample", columns: ["TokenSample"] + Array(repeating: "CompVal", count: 10),
                rows: rows)
        }
        return nil
    }
}

/// Numbers as C's `%.2f` writes them.
enum TwoDecimals {
    /// A number from 0 on; the published table holds nothing else.
    static func text(_ value: Double) -> String {
        // The nearest hundredth of the exact binary value; a tie, which only a multiple of 1/8 can be, goes to the even.
        let hundredths = Int((value * 100).rounded(.toNearestOrEven))
        let cents = hundredths % 100
        return "\(hundredths / 100).\(cents < 10 ? "0" : "")\(cents)"
    }
}
