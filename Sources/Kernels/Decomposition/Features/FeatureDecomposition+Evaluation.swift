internal import CKernels

/// Looking at a decomposition between steps: nothing here changes what later steps compute.
extension FeatureDecomposition {
    /// The causal importances of some rows, by module (rows, C).
    public struct CausalImportances: Equatable, Sendable {
        /// As masks see them.
        public let ci: [String: Tensor]
        /// As importance losses see them.
        public let ciUpper: [String: Tensor]
    }

    /// The batch that the next step is taken on (rows, features).
    public var batch: Tensor {
        let rows = BatchRows(range: 0..<settings.batchSize, features: target.features)
        rows.draw(
            data, streams: .decomposition(seed: settings.seed, step: step), joiningEmptyRows: false)
        return Tensor(
            shape: [settings.batchSize, target.features],
            values: Array(UnsafeBufferPointer(start: rows.values, count: settings.batchSize * target.features)))
    }

    /// Computes the causal importances of given rows (rows, features).
    ///
    /// - Throws: `wrongShape`.
    public func causalImportances(of batch: Tensor) throws(KernelError) -> CausalImportances {
        guard batch.shape.count == 2, batch.shape[1] == target.features else {
            throw .wrongShape(
                tensor: "batch", found: batch.shape, expected: [settings.batchSize, target.features])
        }
        let (rows, c) = (batch.shape[0], settings.subcomponents)
        let input = Storage(batch.values)
        let ci = modules.map { _ in Storage(count: rows * c) }
        let ciUpper = modules.map { _ in Storage(count: rows * c) }
        prepareNetwork()
        evaluate(input.pointer, rows: rows) { worker, done in
            worker.copyImportances(of: self, rows: done.lowerBound, done.count, ci, ciUpper)
        }
        func tensors(_ storage: [Storage]) -> [String: Tensor] {
            Dictionary(
                uniqueKeysWithValues: zip(modules, storage).map {
                    ($0.name, Tensor(shape: [rows, c], values: $1.values(0, rows * c)))
                })
        }
        return CausalImportances(ci: tensors(ci), ciUpper: tensors(ciUpper))
    }

    /// Computes in which fraction of rows each subcomponent's causal importance exceeds 0.1, over fresh batches.
    ///
    /// The batches depend on the step, and are none that steps are taken on.
    ///
    /// - Parameters:
    ///   - batches: How many batches are drawn.
    ///   - goesOn: Asked once for each batch, before it is looked at.
    /// - Returns: The fractions by module (C); nil if `goesOn` said no.
    public func activationFractions(batches: Int, goesOn: () -> Bool) -> [String: [Float]]? {
        let (c, count) = (settings.subcomponents, modules.count * settings.subcomponents)
        let rounds = Self.evaluationRounds(of: settings.batchSize, features: target.features, batches: batches)
        let places = rounds.map(\.count).max() ?? 0
        // Each share counts for itself. Counts are whole numbers: their sum does not depend on its order.
        let sums = UnsafeMutablePointer<Double>.allocate(capacity: places * count)
        defer { sums.deallocate() }
        sums.initialize(repeating: 0, count: places * count)
        prepareNetwork()
        for shares in rounds {
            for _ in Set(shares.joined().map(\.batch)) { guard goesOn() else { return nil } }
            team.share(shares.count) { number in
                let parts = shares[number].map { part in
                    let rows = BatchRows(range: part.rows, features: self.target.features)
                    rows.draw(
                        self.data, streams: .evaluation(seed: self.settings.seed, step: self.step, batch: part.batch),
                        joiningEmptyRows: self.network.emptyRowsAreConstant)
                    return rows
                }
                self.workers.withOne { worker in
                    worker.evaluate(parts, of: self) { _, _ in
                        worker.countActive(over: 0.1, of: self, into: sums + number * count)
                    }
                }
            }
        }
        let rows = Double(batches * settings.batchSize)
        return Dictionary(
            uniqueKeysWithValues: modules.enumerated().map { index, module in
                let fractions = (0..<c).map { component in
                    (0..<places).reduce(0) { $0 + sums[$1 * count + index * c + component] } / rows
                }
                return (module.name, fractions.map { Float($0) })
            })
    }

    /// Looks at the next step's batch, at fresh ones, and at one feature at a time.
    public func picture(batches: Int, goesOn: () -> Bool) throws(KernelError) -> ImportancePicture? {
        guard let activations = activationFractions(batches: batches, goesOn: goesOn) else { return nil }
        let ofBatch = try causalImportances(of: batch)
        let ofFeatures = try causalImportances(of: oneFeatureAtATime)
        let tensors = trainedTensors
        return ImportancePicture(
            modules: try moduleNames.map { name throws(KernelError) in
                func found<Value>(_ value: Value?, _ what: String) throws(KernelError) -> Value {
                    guard let value else { throw .missingTensor(name: "\(what) of \(name)") }
                    return value
                }
                return ImportancePicture.Module(
                    name: name, importances: try found(ofBatch.ci[name], "ci").values,
                    activations: try found(activations[name], "activations"),
                    features: ImportancePicture.FeatureMaps(
                        magnitude: Self.probe, ci: try found(ofFeatures.ci[name], "ci"),
                        ciUpper: try found(ofFeatures.ciUpper[name], "ci_upper"),
                        v: try found(tensors["components.\(name).V"], "V"),
                        u: try found(tensors["components.\(name).U"], "U"), stream: target.target.stream(of: name)))
            })
    }

    /// The value of the one active feature that inputs are looked at with.
    private static let probe: Float = 0.75

    /// Inputs of one active feature each (features, features).
    public var oneFeatureAtATime: Tensor {
        let features = target.features
        var inputs = Tensor(zeros: [features, features])
        for feature in 0..<features { inputs.values[feature * features + feature] = Self.probe }
        return inputs
    }

    /// Some rows of an evaluation's batch.
    private struct Part {
        let batch: Int
        let rows: Range<Int>
    }

    /// Batches of this many numbers are small: a fit of the gates is worth its time for several of them only.
    private static let smallBatch = 1 << 16
    private static let smallBatchesPerShare = 4
    private static let smallBatchesAtOnce = 32

    /// Which rows of batches are fitted together, in rounds between which is asked whether to continue; the same for
    /// any number of threads.
    private static func evaluationRounds(of rows: Int, features: Int, batches: Int) -> [[[Part]]] {
        guard rows * features <= smallBatch else {
            return (0..<batches).map { batch in evaluationShares(of: rows).map { [Part(batch: batch, rows: $0)] } }
        }
        return stride(from: 0, to: batches, by: smallBatchesAtOnce).map { first in
            let end = min(first + smallBatchesAtOnce, batches)
            return stride(from: first, to: end, by: smallBatchesPerShare).map { first in
                (first..<min(first + smallBatchesPerShare, end)).map { Part(batch: $0, rows: 0..<rows) }
            }
        }
    }

    /// The parts of some rows that are fitted together, whatever the number of threads.
    private static func evaluationShares(of rows: Int) -> [Range<Int>] {
        let count = min(max(rows / 256, 1), 64)
        return (0..<count).map { rows * $0 / count..<rows * ($0 + 1) / count }
    }

    /// Runs the gates over given rows (rows, features); `body` receives a worker and which of the rows its tile holds.
    func evaluate(_ input: UnsafePointer<Float>, rows: Int, _ body: (StepWorker, Range<Int>) -> Void) {
        let shares = Self.evaluationShares(of: rows)
        team.share(shares.count) { number in
            let range = shares[number]
            let share = BatchRows(range: range, features: self.target.features)
            share.copy(input, joiningEmptyRows: false)
            self.workers.withOne { worker in
                worker.evaluate([share], of: self) { _, done in
                    body(worker, range.lowerBound + done.lowerBound..<range.lowerBound + done.upperBound)
                }
            }
        }
    }

    /// Lets the network compute what depends on the parameters alone, as a step does before its passes.
    func prepareNetwork() {
        team.share(network.preparations) { self.network.prepare($0, parameters: self.parameters.pointer) }
    }
}

extension StepWorker {
    /// Runs the gates over some rows, tile by tile; `body` receives which part and which of its rows the tile holds.
    fileprivate func evaluate(
        _ parts: [BatchRows], of decomposition: FeatureDecomposition, _ body: (_ part: Int, _ rows: Range<Int>) -> Void
    ) {
        let fits = fitGates(decomposition, over: parts)
        for (part, rows) in parts.enumerated() {
            for number in 0..<rows.tiles(of: tile.capacity) {
                let taken = tile.load(rows, tile: number)
                forwardGates(decomposition, fits: fits)
                body(part, taken)
            }
        }
    }

    /// Copies the tile's first `count` rows of causal importances to (rows, C) blocks, from row `first` on.
    func copyImportances(
        of decomposition: FeatureDecomposition, rows first: Int, _ count: Int, _ ci: [Storage], _ ciUpper: [Storage]
    ) {
        let (c, rows) = (decomposition.settings.subcomponents, tile.rows)
        for (index, share) in tile.modules.enumerated() {
            ck_importance_forward(
                share.ci, tile.ciUpper, share.gate, decomposition.settings.sigmoid.code, c * rows)
            for (block, result) in [(share.ci, ci[index]), (tile.ciUpper, ciUpper[index])] {
                ck_transpose(share.masked, block, c, rows, c)
                (result.pointer + first * c).update(from: share.masked, count: count * c)
            }
        }
    }

    /// Adds to each subcomponent's sum (modules, C) how many rows of the tile have a causal importance over a threshold.
    fileprivate func countActive(
        over threshold: Float, of decomposition: FeatureDecomposition, into sums: UnsafeMutablePointer<Double>
    ) {
        let c = decomposition.settings.subcomponents
        for (index, share) in tile.modules.enumerated() {
            for component in 0..<c {
                var peak: Float = 0
                sums[index * c + component] += ck_importance_counts(
                    &peak, share.ci + component * tile.rows, tile.weight, threshold, 1, tile.rows)
            }
        }
    }
}
