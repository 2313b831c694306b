extension TMSTarget {
    /// Stages of (i inputs, o outputs), each a module.
    func products(_ settings: DecompositionSettings) -> StepProducts {
        var products = StepProducts()
        let c = settings.subcomponents
        let stages = modules.map { (i: $0.inputs, o: $0.outputs) }
        // The unmodified target, x V, and the gradient of V through x V.
        products.perRow += stages.reduce(0) { $0 + $1.i * $1.o + 2 * $1.i * c }
        for replaces in StepProducts.runs(settings, modules: stages.count) {
            guard let first = stages.indices.first(where: replaces) else { continue }
            for (s, stage) in stages.enumerated() where s >= first {
                // Forward one product, backward two; behind the first replaced stage V counts as U does.
                products.perRow +=
                    replaces(s) ? 3 * c * stage.o + (s > first ? 3 * stage.i * c : 0) : 2 * stage.i * stage.o
            }
        }
        return products
    }
}
