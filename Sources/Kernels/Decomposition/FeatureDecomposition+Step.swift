internal import CKernels
import Glibc

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
        step += 1
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
            gradients: named(gradients, prefix: ""))
        update()
        step += 1
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
                faithfulness[piece] = self.faithfulnessLoss(piece)
                if self.settings.coefficients.schatten != nil {
                    self.squaredNorms(piece, into: squaredNorms.pointer + piece * c)
                }
            } else {
                self.network.prepare(piece - count, parameters: self.parameters.pointer)
            }
        }
        let plan = StepPlan(
            step: step, reporting: reporting, squaredNorms: squaredNorms.pointer, given: given,
            capture: capture)
        team.share(parts.count) { part in self.parts[part].process(self, plan: plan) }
        let losses = sumLosses(
            faithfulness: (0..<count).reduce(0) { $0 + faithfulness[$1] }, norms: squaredNorms)
        for (term, value) in losses.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where !value.isFinite {
            throw .lossNotFinite(step: step, loss: "loss/" + term.rawValue, value: value)
        }
        sumAccumulators()
        for part in parts {
            for place in 0..<peaks.count {
                peaks.pointer[place] = max(peaks.pointer[place], part.peaks.pointer[place])
            }
        }
        return losses
    }

    /// ||W - (V U)ᵀ||² of a module; sets its gradients of V and U to faithfulness's.
    private func faithfulnessLoss(_ module: Int) -> Double {
        let (place, c) = (layout.modules[module], layout.subcomponents)
        let (i, o) = (place.inputs, place.outputs)
        let (v, u) = (parameters.pointer + place.v, parameters.pointer + place.u)
        let (dv, du) = (gradients.pointer + place.v, gradients.pointer + place.u)
        guard let coefficient = settings.coefficients.faithfulness else {
            dv.update(repeating: 0, count: i * c)
            du.update(repeating: 0, count: c * o)
            return 0
        }
        let residual = residuals[module]  // V U - Wᵀ (inputs, outputs)
        ck_transpose(residual.pointer, weights[module].pointer, o, i, o)
        product(into: residual.pointer, v, u, m: i, n: o, k: c, keep: -1)
        let scale = 2 * coefficient / Float(elementsOfWeights)
        product(into: dv, residual.pointer, u, m: i, n: c, k: o, .none, .transposed, scale: scale)
        product(into: du, v, residual.pointer, m: c, n: o, k: i, .transposed, .none, scale: scale)
        return ck_sum_of_squares(residual.pointer, i * o) / Double(elementsOfWeights)
    }

    private func squaredNorms(_ module: Int, into norms: Floats) {
        let (place, c) = (layout.modules[module], layout.subcomponents)
        let (v, u) = (parameters.pointer + place.v, parameters.pointer + place.u)
        for component in 0..<c {
            var sum: Float = 0
            for i in 0..<place.inputs { sum += v[i * c + component] * v[i * c + component] }
            for o in 0..<place.outputs {
                sum += u[component * place.outputs + o] * u[component * place.outputs + o]
            }
            norms[component] = sum
        }
    }

    private func sumLosses(faithfulness: Double, norms: Storage) -> [LossTerm: Double] {
        let rows = Double(settings.batchSize)
        let elements = settings.outputLoss == .mse ? rows * Double(network.outputs) : rows
        var losses: [LossTerm: Double] = [
            .importanceMinimality: parts.reduce(0) { $0 + $1.importanceSums.reduce(0, +) } / rows
        ]
        if settings.coefficients.faithfulness != nil { losses[.faithfulness] = faithfulness }
        for (number, run) in runs.enumerated() {
            losses[run.term, default: 0] +=
                parts.reduce(0) { $0 + $1.runSums[number] } * run.share / elements
        }
        if settings.coefficients.schatten != nil {
            losses[.schatten] =
                parts.reduce(0) { total, part in
                    total
                        + part.schattenSums.enumerated().reduce(0) {
                            $0 + $1.element * Double(norms.pointer[$1.offset])
                        }
                } / rows
        }
        return losses
    }

    /// Adds up the parts' accumulators and turns them into gradients.
    private func sumAccumulators() {
        let first = parts[0].accumulator
        team.split(first.count) { range in
            for part in self.parts.dropFirst() {
                ck_add(
                    first.pointer + range.lowerBound, part.accumulator.pointer + range.lowerBound, range.count)
            }
        }
        team.share(network.finishes + 1) { piece in
            if piece == network.finishes {
                (self.gradients.pointer + self.layout.gates).update(
                    from: first.pointer + self.network.accumulatorCount,
                    count: self.layout.count - self.layout.gates)
            } else {
                self.network.finish(
                    piece, accumulator: first.pointer, parameters: self.parameters.pointer,
                    gradients: self.gradients.pointer)
            }
        }
        if let coefficient = settings.coefficients.schatten, coefficient != 0 {
            addSchattenGradients(coefficient)
        }
    }

    /// d/dV_c of mean_r ci_upper^p ||V_c||² is 2 V_c mean_r ci_upper^p, and likewise for U.
    private func addSchattenGradients(_ coefficient: Float) {
        let (c, p, d) = (layout.subcomponents, parameters.pointer, gradients.pointer)
        for (index, place) in layout.modules.enumerated() {
            for component in 0..<c {
                let sum = parts.reduce(0) { $0 + $1.schattenSums[index * c + component] }
                let factor = 2 * coefficient * Float(sum / Double(settings.batchSize))
                for i in 0..<place.inputs {
                    d[place.v + i * c + component] += factor * p[place.v + i * c + component]
                }
                let row = place.u + component * place.outputs
                for o in 0..<place.outputs { d[row + o] += factor * p[row + o] }
            }
        }
    }

    private func report(_ losses: [LossTerm: Double]) -> StepReport {
        let c = settings.subcomponents
        // In a fixed order: a dictionary's differs from run to run, and with it the last bit of the sum.
        let total = LossTerm.allCases.reduce(0) {
            $0 + Double(settings.coefficients[$1] ?? 0) * (losses[$1] ?? 0)
        }
        let names = modules.map(\.name)
        let alive = names.indices.map { index in
            (0..<c).count { peaks.pointer[index * c + $0] > 0.1 }
        }
        peaks.clear()
        let l0 = names.indices.map { index in
            parts.reduce(0) { $0 + $1.counts[index] } / Double(settings.batchSize)
        }
        return StepReport(
            step: step, learningRate: settings.learningRate.rate(at: step, of: settings.steps),
            losses: losses,
            total: total, gradientNorm: ck_sum_of_squares(gradients.pointer, gradients.count).squareRoot(),
            alive: Dictionary(uniqueKeysWithValues: zip(names, alive)),
            l0: Dictionary(uniqueKeysWithValues: zip(names, l0)))
    }

    /// AdamW without weight decay; tied modules share their storage, and both updates go to it.
    private func update() {
        let adam = ck_adam(
            rate: settings.learningRate.rate(at: step, of: settings.steps), decay: 0, updates: step + 1)
        let before = tied.map { first, _ in
            let place = layout.modules[first]
            return (
                parameters.values(place.v, place.inputs * layout.subcomponents),
                parameters.values(place.u, place.outputs * layout.subcomponents)
            )
        }
        team.split(layout.count) { range in
            let start = range.lowerBound
            ck_adam_update(
                self.parameters.pointer + start, self.firstMoments.pointer + start,
                self.secondMoments.pointer + start, self.gradients.pointer + start, range.count, adam)
        }
        for (pair, old) in zip(tied, before) { joinTied(pair, old: old) }
    }

    /// Both modules stepped from the same values: adds the second's change to the first and copies the sum back.
    private func joinTied(_ pair: (Int, Int), old: (v: [Float], u: [Float])) {
        let (first, second, p, c) = (
            layout.modules[pair.0], layout.modules[pair.1], parameters.pointer, layout.subcomponents
        )
        for component in 0..<c {
            for i in 0..<first.inputs {
                let place = i * c + component
                p[first.v + place] += p[second.u + component * first.inputs + i] - old.v[place]
            }
            for o in 0..<first.outputs {
                let place = component * first.outputs + o
                p[first.u + place] += p[second.v + o * c + component] - old.u[place]
            }
        }
        copyTied(from: pair.0, to: pair.1)
    }
}

extension ck_adam {
    /// The constants of one update: betas 0.9 and 0.999, eps 1e-8.
    init(rate: Double, decay: Double, updates: Int) {
        let correction1 = 1 - pow(0.9, Double(updates))
        let correction2 = 1 - pow(0.999, Double(updates))
        self.init(
            rate: Float(rate), beta1: 0.9, one_minus_beta1: 0.1, beta2: 0.999, one_minus_beta2: 0.001,
            eps: 1e-8,
            decay: Float(decay), correction1: Float(correction1),
            sqrt_correction2: Float(correction2.squareRoot()))
    }
}
