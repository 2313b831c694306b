import Experiments
import Kernels
import UserMetrics

/// A step's tensors as expressions read them.
struct ObservedTensors: TensorSource {
    let observation: Observation
    let step: Int

    func value(of quantity: Quantity) -> Block? {
        switch quantity {
        case .step: Block(Double(step))
        case .batch: observation.batch.map(Block.init)
        case .targetOut: observation.targetOutput.map(Block.init)
        case .outUnmasked: observation.unmaskedOutput.map(Block.init)
        case .outMasked: observation.maskedOutput.map(Block.init)
        }
    }

    func value(of quantity: ModuleQuantity, in module: String) -> Block? {
        let tensors =
            switch quantity {
            case .ci: observation.ci
            case .ciUpper: observation.ciUpper
            case .V: observation.v
            case .U: observation.u
            case .W: observation.w
            }
        return tensors[module].map(Block.init)
    }
}

extension Block {
    init(_ tensor: Tensor) { self.init(shape: tensor.shape, tensor.values) }
}

extension ObservedParts {
    /// The parts that hold what is read.
    init(_ needs: Set<Need>) {
        self = []
        for need in needs {
            switch need {
            case .one(.batch): insert(.batch)
            case .one(.targetOut): insert(.targetOutput)
            case .one(.outUnmasked): insert(.unmaskedOutput)
            case .one(.outMasked): insert(.maskedOutput)
            case .one(.step): break
            case .ofModule(.ci, _), .ofModule(.ciUpper, _): insert(.importances)
            case .ofModule(.V, _), .ofModule(.U, _): insert(.vectors)
            case .ofModule(.W, _): insert(.weights)
            }
        }
    }
}

extension Scope.Module {
    init(_ module: ObservableShapes.Module, subcomponents: Int) {
        self.init(
            name: module.name, rows: module.rows, subcomponents: subcomponents, inputs: module.inputs,
            outputs: module.outputs, isEmbedding: module.isEmbedding)
    }
}

extension ObservableShapes {
    /// What a run with these shapes offers to users' metrics.
    func scope(_ config: ExperimentConfig) -> Scope {
        config.scope(
            modules: modules.map { Scope.Module($0, subcomponents: subcomponents) }, batch: batch, output: output)
    }
}
