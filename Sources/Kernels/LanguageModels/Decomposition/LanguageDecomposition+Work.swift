import Metrics

extension LanguageDecomposition {
    /// What a step has to compute, as an ideal kernel would: causal halves and windows once, the head once for the target
    /// and once for each run in either direction, layers before the first replaced module once.
    public var work: StepWork {
        let (c, places) = (settings.subcomponents, Double(settings.batchSize * length))
        let gates = model.modules.reduce(0.0) { sum, module in
            let rows = module.kind == .positions ? Double(length) : places
            return sum + rows * Double(c * settings.gateNeurons)
        }
        // An embedding's gates depend on the token alone.
        let liveGates = model.modules.reduce(0.0) { sum, module in
            let rows =
                switch module.kind {
                case .positions: Double(length)
                case .tokens: min(places, Double(module.inputs))
                case .linear, .head: places
                }
            return sum + rows * Double(c * settings.gateNeurons)
        }
        var total = ModelWork()
        // ||W - V U||² is one product forward and two backward.
        for module in model.modules { total.products += Double(3 * module.inputs * module.outputs * c) }
        if model.needsModel {
            total += forward(from: .embedding) { _ in false }
            // x V for the gates, and V's gradient through it.
            for module in model.modules where !module.kind.isEmbedding {
                total.products += 2 * places * Double(module.inputs * c)
            }
        }
        for run in model.runs where run.coefficient != 0 { add(run, to: &total) }
        return StepWork(
            liveRows: Double(settings.batchSize), gateNeurons: gates, liveGateNeurons: liveGates,
            productFlops: 2 * total.products, exponentials: total.exponentials)
    }

    private func add(_ run: MaskedRun, to total: inout ModelWork) {
        let (c, places) = (settings.subcomponents, Double(settings.batchSize * length))
        let replaced = model.modules.enumerated().filter { run.replaced.contains($0.offset) }.map(\.element)
        guard let first = replaced.map(\.stage).min() else { return }
        for module in replaced {
            let rows = module.kind == .positions ? Double(length) : places
            // Forward through U; back through it and to its gradient.
            total.products += 3 * rows * Double(c * module.outputs)
            // After another replaced module x V differs, and gradients flow back through V.
            if !module.kind.isEmbedding, module.stage != first {
                total.products += 3 * rows * Double(c * module.inputs)
            }
        }
        guard run.term != .embeddingRecon else {
            if settings.judgesEmbeddingsUnembedded {
                let head = places * Double(model.weights.shape.width * model.weights.shape.vocabulary)
                total += ModelWork(
                    products: 3 * head, exponentials: 2 * places * Double(model.weights.shape.vocabulary))
            }
            return
        }
        let isReplaced = { (name: String) in replaced.contains { $0.name == name } }
        total += forward(from: first, isReplaced)
        total += backward(to: first, isReplaced)
    }

    /// The frozen parts of a pass from a stage on.
    private func forward(from first: Stage, _ isReplaced: (String) -> Bool) -> ModelWork {
        let (shape, places) = (model.weights.shape, Double(settings.batchSize * length))
        var work = ModelWork()
        forEachStage { stage, linears, attention in
            guard stage >= first else { return }
            for linear in linears where !isReplaced(linear.name) {
                work.products += places * Double(linear.inputs * linear.outputs)
            }
            // A run that begins inside an attention has what the heads gave already.
            guard let attention, stage > first || first == .embedding else { return }
            work += ModelWork(
                products: 2 * Double(attention.headSize) * scores(attention), exponentials: scores(attention))
        }
        if !isReplaced(shape.head) { work.products += places * Double(shape.width * shape.vocabulary) }
        work.exponentials += places * Double(shape.vocabulary)
        return work
    }

    /// The frozen parts of a way back to a stage: gradients of activations alone.
    private func backward(to first: Stage, _ isReplaced: (String) -> Bool) -> ModelWork {
        let (shape, places) = (model.weights.shape, Double(settings.batchSize * length))
        var work = ModelWork()
        forEachStage { stage, linears, attention in
            guard stage > first else { return }
            for linear in linears where !isReplaced(linear.name) {
                work.products += places * Double(linear.inputs * linear.outputs)
            }
            guard let attention else { return }
            work += ModelWork(
                products: 4 * Double(attention.headSize) * scores(attention), exponentials: scores(attention))
        }
        if first < .head, !isReplaced(shape.head) { work.products += places * Double(shape.width * shape.vocabulary) }
        return work
    }

    /// How many scores an attention has in a batch.
    private func scores(_ attention: TransformerShape.Attention) -> Double {
        let window = attention.window ?? length
        let perRow = (0..<length).reduce(0) { $0 + min($1 + 1, window) }
        return Double(perRow * settings.batchSize * attention.heads)
    }

    private func forEachStage(
        _ body: (Stage, [TransformerShape.Linear], TransformerShape.Attention?) -> Void
    ) {
        let shape = model.weights.shape
        for (stage, linears) in shape.linearsByStage {
            if case .attention(let layer) = stage {
                body(stage, linears, shape.layers[layer].attention)
            } else {
                body(stage, linears, nil)
            }
        }
    }
}

/// Multiply-adds and exponentials of a pass.
private struct ModelWork {
    var products = 0.0
    var exponentials = 0.0

    static func += (a: inout ModelWork, b: ModelWork) {
        a.products += b.products
        a.exponentials += b.exponentials
    }
}
