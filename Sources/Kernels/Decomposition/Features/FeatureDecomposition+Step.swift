internal import CKernels
import Metrics

extension FeatureDecomposition {
    /// Takes one optimiser step.
    ///
    /// A report costs the losses that are not trained on.
    ///
    /// - Parameter reporting: Whether to make a report.
    /// - Returns: The report, if one was asked for.
    /// - Throws: `lossNotFinite`, before anything is changed.
    @discardableResult
    public func advance(reporting: Bool) throws(KernelError) -> StepReport? {
        let losses = try compute(given: nil, capture: nil, reporting: reporting)
        let report = reporting ? report(losses) : nil
        update()
        return report
    }

    /// Computes a step's losses without changing anything but what is remembered since the last report.
    ///
    /// - Throws: `lossNotFinite`.
    public func evaluate() throws(KernelError) -> StepReport {
        report(try compute(given: nil, capture: nil, reporting: true))
    }

    /// Takes one optimiser step on given numbers and says all that it computed.
    public func replay(_ given: GivenNumbers) throws(KernelError) -> (
        report: StepReport, capture: StepCapture
    ) {
        guard given.batch.shape == [settings.batchSize, target.features] else {
            throw .wrongShape(
                tensor: "batch", found: given.batch.shape, expected: [settings.batchSize, target.features])
        }
        let shape = [settings.batchSize, settings.subcomponents]
        for (key, tensor) in given.uniforms where tensor.shape != shape {
            throw .wrongShape(
                tensor: "uniform.\(key.term.rawValue).\(key.sample).\(key.module)", found: tensor.shape, expected: shape
            )
        }
        let memory = GivenMemory(given, modules: modules.map(\.name))
        let capture = CaptureMemory(self, batch: memory.batch.pointer)
        let report = report(try compute(given: memory, capture: capture, reporting: true))
        let result = StepCapture(
            targetOutput: Tensor(
                shape: [settings.batchSize, network.outputs],
                values: capture.targetOutput.values(0, capture.targetOutput.count)),
            ci: captured(capture.ci), ciUpper: captured(capture.ciUpper),
            gradients: subcomponents.named(subcomponents.gradients))
        update()
        return (report, result)
    }

    private func captured(_ storage: [Storage]) -> [String: Tensor] {
        let shape = [settings.batchSize, settings.subcomponents]
        return Dictionary(
            uniqueKeysWithValues: zip(modules, storage).map {
                ($0.name, Tensor(shape: shape, values: $1.values(0, shape[0] * shape[1])))
            })
    }

    /// Computes all losses and gradients of the current step.
    private func compute(
        given: GivenMemory?, capture: CaptureMemory?, reporting: Bool
    ) throws(KernelError) -> [LossTerm: Double] {
        let (c, count) = (settings.subcomponents, modules.count)
        let squaredNorms = Storage(count: count * c)
        let faithfulness = UnsafeMutablePointer<Double>.allocate(capacity: count)
        defer { faithfulness.deallocate() }
        team.share(count + network.preparations) { piece in
            if piece < count {
                faithfulness[piece] = self.subcomponents.faithfulnessLoss(
                    piece, coefficient: self.settings.coefficients[.faithfulness])
                if self.settings.coefficients[.schatten] != nil {
                    self.subcomponents.squaredNorms(piece, into: squaredNorms.pointer + piece * c)
                }
            } else {
                self.network.prepare(piece - count, parameters: self.parameters.pointer)
            }
        }
        let plan = StepPlan(
            step: step, reporting: reporting, squaredNorms: squaredNorms.pointer, given: given,
            capture: capture)
        sums.begin()
        loadRows(given: given)
        fitGates()
        crews.share(rows.tiles(of: tileRows)) { tile, crew in
            self.workers.withOne(crew) { $0.process(self.rows, tile: tile, self, plan: plan) }
        }
        foldGates()
        let losses = sumLosses(
            faithfulness: (0..<count).reduce(0) { $0 + faithfulness[$1] }, norms: squaredNorms)
        for (term, value) in losses.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where !value.isFinite {
            throw .lossNotFinite(step: step, loss: Metric.loss(term).name, value: value)
        }
        finishSums()
        ck_raise(subcomponents.peaks.pointer, sums.peaks.pointer, sums.peaks.count)
        return losses
    }

    /// Draws the step's rows, unless they are given.
    private func loadRows(given: GivenMemory?) {
        if let given {
            rows.copy(given.batch.pointer, joiningEmptyRows: network.emptyRowsAreConstant)
        } else {
            rows.draw(
                data, streams: .decomposition(seed: settings.seed, step: step),
                joiningEmptyRows: network.emptyRowsAreConstant, team: team)
        }
    }

    private func sumLosses(faithfulness: Double, norms: Storage) -> [LossTerm: Double] {
        let rows = Double(settings.batchSize)
        let elements = settings.outputLoss == .mse ? rows * Double(network.outputs) : rows
        var losses: [LossTerm: Double] = [
            .importanceMinimality: sums.importanceSums.reduce(0, +) / rows
        ]
        if settings.coefficients[.faithfulness] != nil { losses[.faithfulness] = faithfulness }
        for (number, run) in runs.enumerated() {
            losses[run.term, default: 0] += sums.runSums[number] * run.share / elements
        }
        if settings.coefficients[.schatten] != nil {
            losses[.schatten] =
                sums.schattenSums.enumerated().reduce(0) { $0 + $1.element * Double(norms.pointer[$1.offset]) } / rows
        }
        return losses
    }

    /// Turns what the tiles have added up into gradients.
    private func finishSums() {
        sums.join(team)
        let accumulator = sums.accumulator.pointer
        team.share(network.finishes + 1) { piece in
            if piece == network.finishes {
                (self.subcomponents.gradients.pointer + self.layout.gates).update(
                    from: accumulator + self.network.accumulatorCount,
                    count: self.layout.count - self.layout.gates)
            } else {
                self.network.finish(
                    piece, accumulator: accumulator, parameters: self.parameters.pointer,
                    gradients: self.subcomponents.gradients.pointer)
            }
        }
        if let coefficient = settings.coefficients[.schatten], coefficient != 0 {
            addSchattenGradients(coefficient)
        }
    }

    private func addSchattenGradients(_ coefficient: Float) {
        let c = layout.subcomponents
        for module in modules.indices {
            let factors = (module * c..<(module + 1) * c).map { place in
                2 * coefficient * Float(sums.schattenSums[place] / Double(settings.batchSize))
            }
            subcomponents.addSchattenGradients(module, factors: factors)
        }
    }

    private func report(_ losses: [LossTerm: Double]) -> StepReport {
        let l0 = modules.indices.map { index in
            (modules[index].name, sums.counts[index] / Double(settings.batchSize))
        }
        return StepReport(
            step: step, learningRate: settings.learningRate.rate(at: step, of: settings.steps), losses: losses,
            total: settings.coefficients.total(of: losses), gradientNorm: subcomponents.gradientNorm,
            alive: subcomponents.takeAlive(), l0: Dictionary(uniqueKeysWithValues: l0))
    }

    private func update() {
        subcomponents.update(
            rate: settings.learningRate.rate(at: step, of: settings.steps), step: step, team: team)
        step += 1
    }
}
