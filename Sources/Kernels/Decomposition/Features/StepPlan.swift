internal import CKernels
import Metrics

/// What all threads of a step need to know.
struct StepPlan {
    let step: Int
    /// Whether losses that are not trained on are computed too.
    let reporting: Bool
    /// ||V_c||² + ||U_c||² (modules, C), where the schatten loss asks for them.
    let squaredNorms: Floats
    let given: GivenMemory?
    let capture: CaptureMemory?
}

/// Given numbers in memory that threads can point into.
final class GivenMemory {
    let batch: Storage
    private let stored: [GivenNumbers.Key: Storage]
    private let modules: [String]

    init(_ given: GivenNumbers, modules: [String]) {
        batch = Storage(given.batch.values)
        stored = given.uniforms.mapValues { Storage($0.values) }
        self.modules = modules
    }

    func uniforms(_ term: LossTerm, sample: Int, module: Int) -> Floats? {
        stored[GivenNumbers.Key(term: term, sample: sample, module: modules[module])]?.pointer
    }
}

/// Where threads leave what a captured step computed, in the batch's own row order.
final class CaptureMemory {
    let targetOutput: Storage
    let ci: [Storage]
    let ciUpper: [Storage]
    private let batch: UnsafePointer<Float>
    private let batchSize: Int

    init(_ decomposition: FeatureDecomposition, batch: UnsafePointer<Float>) {
        let (rows, c) = (decomposition.settings.batchSize, decomposition.settings.subcomponents)
        targetOutput = Storage(count: rows * decomposition.network.outputs)
        ci = decomposition.modules.map { _ in Storage(count: rows * c) }
        ciUpper = decomposition.modules.map { _ in Storage(count: rows * c) }
        self.batch = batch
        batchSize = rows
    }

    /// Copies a processed tile's rows; the row that stands for the empty ones goes to all of them.
    func record(_ worker: StepWorker, of source: BatchRows, _ rows: Range<Int>, decomposition: FeatureDecomposition) {
        let tile = worker.tile
        let (c, outputs) = (decomposition.settings.subcomponents, decomposition.network.outputs)
        decomposition.network.targetOutput(worker.pass, into: tile.output)
        for (position, row) in rows.enumerated() {
            let standsForMany = source.emptyRows > 0 && row == source.kept - 1
            for place in standsForMany ? source.emptyRowNumbers(in: batch) : [Int(source.index[row])] {
                for output in 0..<outputs {
                    targetOutput.pointer[place * outputs + output] =
                        tile.output[output * tile.rows + position]
                }
                for (index, share) in tile.modules.enumerated() {
                    for component in 0..<c {
                        var lower: Float = 0
                        var upper: Float = 0
                        ck_importance_forward(
                            &lower, &upper, share.gate + component * tile.rows + position,
                            decomposition.settings.sigmoid.code, 1)
                        ci[index].pointer[place * c + component] = lower
                        ciUpper[index].pointer[place * c + component] = upper
                    }
                }
            }
        }
    }
}

extension BatchRows {
    /// Which of these rows of a batch (rows, features) hold nothing but zeros.
    func emptyRowNumbers(in batch: UnsafePointer<Float>) -> [Int] {
        range.filter { row in (0..<features).allSatisfy { batch[row * features + $0] == 0 } }
    }
}
