internal import CKernels

/// The passes of a toy model of superposition: a chain of matrices with a ReLU at the end.
final class TMSNetwork: Network {
    /// One matrix of the chain.
    private struct Stage {
        /// W (outputs, inputs).
        let weight: PackedMatrix
        let inputs: Int
        let outputs: Int
        /// Its index among the decomposed modules.
        let module: Int?
    }

    let modules: [TargetModule]
    let outputs: Int
    let emptyRowsAreConstant = true
    var preparations: Int { modules.count }
    private let stages: [Stage]
    private let bias: Storage
    private let layout: ParameterLayout
    /// V (inputs, C) and U (C, outputs), by module.
    private let v: [PackedMatrix]
    private let u: [PackedMatrix]
    /// The widest layer.
    private let width: Int

    init(_ target: TMSTarget, decomposed: [Int], layout: ParameterLayout) {
        let all = target.modules
        modules = decomposed.map { all[$0] }
        stages = all.indices.map { index in
            Stage(
                weight: PackedMatrix(
                    rows: all[index].outputs, columns: all[index].inputs,
                    values: Storage(all[index].weight.values)),
                inputs: all[index].inputs, outputs: all[index].outputs,
                module: decomposed.firstIndex(of: index))
        }
        bias = Storage(target.bias.values)
        outputs = target.features
        width = max(target.features, target.hidden)
        self.layout = layout
        v = layout.modules.indices.map { index in
            PackedMatrix(
                rows: layout.modules[index].inputs, columns: layout.subcomponents, takesInputs: decomposed[index] == 0)
        }
        u = layout.modules.map { PackedMatrix(rows: layout.subcomponents, columns: $0.outputs) }
    }

    var accumulatorCount: Int { layout.gates }
    var mostSums: Int { 2 * stages.count }
    var finishes: Int { modules.count }

    // Scratch: the clean activations behind each stage, the masked ones, and two gradients.
    func scratchCount(rows: Int) -> Int { (2 * stages.count + 2) * width * rows }

    private func cleanOutput(_ stage: Int, _ pass: Pass) -> Floats {
        stage < 0 ? pass.tile.x : pass.scratch + stage * width * pass.tile.capacity
    }

    private func maskedOutput(_ stage: Int, _ pass: Pass) -> Floats {
        pass.scratch + (stages.count + stage) * width * pass.tile.capacity
    }

    private func gradient(_ which: Int, _ pass: Pass) -> Floats {
        pass.scratch + (2 * stages.count + which) * width * pass.tile.capacity
    }

    func prepare(_ piece: Int, parameters: Floats) {
        v[piece].pack(parameters + layout.modules[piece].v)
        u[piece].pack(parameters + layout.modules[piece].u)
    }

    func clean(_ pass: Pass) {
        let (tile, rows) = (pass.tile, pass.tile.rows)
        for (index, stage) in stages.enumerated() {
            let input = cleanOutput(index - 1, pass)
            let output = cleanOutput(index, pass)
            stage.weight.multiply(input, into: output, rows, crew: pass.crew)
            if let module = stage.module {
                if index == 0 {
                    v[module].multiplyTransposed(input: tile, into: tile.modules[module].inner, crew: pass.crew)
                } else {
                    applyV(module, pass, to: input, into: tile.modules[module].inner)
                }
            }
        }
        let last = cleanOutput(stages.count - 1, pass)
        ck_add_bias(last, bias.pointer, outputs, rows)
        ck_relu(tile.target, last, outputs * rows)
    }

    func forward(_ pass: Pass, replaced: ModuleSet) {
        let (tile, rows) = (pass.tile, pass.tile.rows)
        let first = firstReplaced(replaced)
        for index in first..<stages.count {
            let stage = stages[index]
            let input = index == first ? cleanOutput(index - 1, pass) : maskedOutput(index - 1, pass)
            let output = maskedOutput(index, pass)
            guard let module = stage.module, replaced.contains(module) else {
                stage.weight.multiply(input, into: output, rows, crew: pass.crew)
                continue
            }
            let share = tile.modules[module]
            if index > first { applyV(module, pass, to: input, into: share.maskedInner) }
            share.mask(
                index > first ? share.maskedInner : share.inner, layout.subcomponents * rows, pass.crew)
            u[module].multiplyTransposed(share.masked, into: output, rows, crew: pass.crew)
        }
        let last = maskedOutput(stages.count - 1, pass)
        ck_add_bias(last, bias.pointer, outputs, rows)
        ck_relu(tile.output, last, outputs * rows)
    }

    func backward(_ pass: Pass, replaced: ModuleSet) {
        let (tile, rows, c) = (pass.tile, pass.tile.rows, layout.subcomponents)
        let first = firstReplaced(replaced)
        var dOutput = gradient(0, pass)
        var dInput = gradient(1, pass)
        ck_relu_backward(dOutput, tile.dOutput, maskedOutput(stages.count - 1, pass), outputs * rows)
        for index in (first..<stages.count).reversed() {
            let stage = stages[index]
            if let module = stage.module, replaced.contains(module) {
                let (share, place) = (tile.modules[module], layout.modules[module])
                pass.sums.addProduct(share.masked, dOutput, to: pass.accumulator + place.u, c, stage.outputs, rows)
                u[module].multiply(dOutput, into: share.masked, rows, crew: pass.crew)
                let inner = index > first ? share.maskedInner : share.inner
                let dInner = index > first ? share.maskedInner : share.dInner
                share.maskBack(inner, to: dInner, adding: index == first, c * rows, pass.crew)
                if index == first { break }
                pass.sums.addProduct(
                    maskedOutput(index - 1, pass), dInner, to: pass.accumulator + place.v, stage.inputs, c, rows)
                v[module].multiply(dInner, into: dInput, rows, crew: pass.crew)
            } else {
                stage.weight.multiplyTransposed(dOutput, into: dInput, rows, crew: pass.crew)
            }
            swap(&dOutput, &dInput)
        }
    }

    func backwardInner(_ pass: Pass) {
        for (index, stage) in stages.enumerated() {
            guard let module = stage.module else { continue }
            let (dInner, place) = (pass.tile.modules[module].dInner, pass.accumulator + layout.modules[module].v)
            if index == 0 {
                pass.sums.addProduct(
                    ofInput: pass.tile, features: stage.inputs, dInner, to: place, layout.subcomponents)
            } else {
                pass.sums.addProduct(
                    cleanOutput(index - 1, pass), dInner, to: place, stage.inputs, layout.subcomponents, pass.tile.rows)
            }
        }
    }

    func finish(_ piece: Int, accumulator: Floats, parameters: Floats, gradients: Floats) {
        let place = layout.modules[piece]
        ck_add(gradients + place.v, accumulator + place.v, place.inputs * layout.subcomponents)
        ck_add(gradients + place.u, accumulator + place.u, place.outputs * layout.subcomponents)
    }

    func targetOutput(_ pass: Pass, into output: Floats) {
        output.update(from: pass.tile.target, count: outputs * pass.tile.rows)
    }

    private func applyV(_ module: Int, _ pass: Pass, to input: Floats, into inner: Floats) {
        v[module].multiplyTransposed(input, into: inner, pass.tile.rows, crew: pass.crew)
    }

    private func firstReplaced(_ replaced: ModuleSet) -> Int {
        stages.firstIndex { $0.module.map(replaced.contains) ?? false } ?? 0
    }
}
