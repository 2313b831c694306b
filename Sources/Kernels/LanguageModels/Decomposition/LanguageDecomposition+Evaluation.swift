/// Looking at a decomposition between steps: nothing here changes what later steps compute.
extension LanguageDecomposition {
    /// Computes the causal importances of a batch, by module (rows, length, C), those of positions (1, length, C).
    ///
    /// - Throws: a batch that does not fit.
    public func causalImportances(of batch: TokenBatch) throws(KernelError) -> (
        ci: [String: Tensor], ciUpper: [String: Tensor]
    ) {
        try check(batch)
        let capture = LanguageCapture(self, withOutput: false)
        look(at: batch) { _, part in capture.record(part) }
        return capture.importances
    }

    /// Looks at the eval split: the causal importances of its first batch, and in which fraction of the places of its
    /// first batches each subcomponent's exceeds 0.1.
    ///
    /// - Parameters:
    ///   - batches: Over how many batches activations are counted; fewer where the split is shorter.
    ///   - goesOn: Asked between batches.
    /// - Returns: What there is to see; nil if `goesOn` said no.
    /// - Throws: a batch that does not fit.
    public func picture(batches: Int, goesOn: () -> Bool) throws(KernelError) -> ImportancePicture? {
        let (c, count) = (settings.subcomponents, model.modules.count)
        let sums = UnsafeMutablePointer<Double>.allocate(capacity: parts.count * count * c)
        defer { sums.deallocate() }
        sums.initialize(repeating: 0, count: parts.count * count * c)
        var seen = 0
        var importances: [String: Tensor] = [:]
        let text = tokens.evaluationBatch(0)
        let ofTokens = try importancesOfTokens(goesOn: goesOn)
        guard goesOn() else { return nil }
        while seen < batches, let batch = tokens.evaluationBatch(seen) {
            guard goesOn() else { return nil }
            if seen == 0 { importances = try causalImportances(of: batch).ci }
            try check(batch)
            look(at: batch) { number, part in part.countActive(over: 0.1, into: sums + number * count * c) }
            seen += 1
        }
        let modules = model.modules.enumerated().map { index, module in
            let places = Double(seen * (module.kind == .positions ? 1 : settings.batchSize) * length)
            let fractions = (0..<c).map { component in
                Float(parts.indices.reduce(0) { $0 + sums[($1 * count + index) * c + component] } / max(places, 1))
            }
            return ImportancePicture.Module(
                name: module.name, importances: importances[module.name]?.values ?? [], activations: fractions,
                tokens: module.kind == .tokens ? ofTokens : nil)
        }
        return ImportancePicture(modules: modules, text: text)
    }

    /// A larger table of tokens is not looked at: it would take more memory than the decomposition itself.
    private static let largestTable = 1 << 25

    /// The causal importances of each token on its own (vocabulary, C), where the embedding is decomposed.
    ///
    /// An embedding's subcomponents see nothing but the token, wherever it is.
    private func importancesOfTokens(goesOn: () -> Bool) throws(KernelError) -> Tensor? {
        let (vocabulary, c) = (target.shape.vocabulary, settings.subcomponents)
        guard let module = model.modules.first(where: { $0.kind == .tokens }), vocabulary * c <= Self.largestTable
        else {
            return nil
        }
        let places = settings.batchSize * length
        var values: [Float] = []
        values.reserveCapacity(vocabulary * c)
        for first in stride(from: 0, to: vocabulary, by: places) {
            guard goesOn() else { return nil }
            let batch = TokenBatch(
                rows: settings.batchSize, length: length,
                tokens: (first..<first + places).map { Int32(min($0, vocabulary - 1)) })
            guard let found = try causalImportances(of: batch).ci[module.name] else { return nil }
            values += found.values.prefix((min(first + places, vocabulary) - first) * c)
        }
        return Tensor(shape: [vocabulary, c], values: values)
    }

    /// Runs the clean model and the gates over a batch; `body` receives each part, by its number, when rows are at hand.
    private func look(at batch: TokenBatch, _ body: (Int, LanguagePart) -> Void) {
        let runsModel = model.modules.contains { !$0.kind.isEmbedding }
        model.packSubcomponents(team)
        batch.tokens.withUnsafeBufferPointer { tokens in
            guard let start = tokens.baseAddress else { return }
            crews.share { number in
                let part = self.parts[number]
                part.loadEntries(start)
                part.forEachLoad(start) {
                    if runsModel { part.runClean() }
                    body(number, part)
                }
            }
        }
    }
}
