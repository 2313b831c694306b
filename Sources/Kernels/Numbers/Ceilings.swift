internal import CKernels
internal import COpenBLAS

/// This machine's peak speeds on the parts of a step; no step is faster than its parts.
public struct Ceilings: Codable, Equatable, Sendable {
    /// How many threads measured together.
    public let threads: Int
    /// Products of 512 × 512 matrices, one per thread, in GFLOP/s of all threads together.
    public let productGFLOPS: Double
    /// Wall time per gate neuron of the exact gate, all threads at work, in ns.
    public let gateForwardNanoseconds: Double
    /// The same for its backward pass.
    public let gateBackwardNanoseconds: Double

    /// The time of an exponential on one thread, in ns, as a vectorised one takes on any current CPU.
    private static let exponentialNanoseconds = 0.3

    /// The wall time below which no step of this much work gets with exact gates, in ms.
    public func floorMilliseconds(_ work: StepWork) -> Double {
        let gates = work.liveGateNeurons * (gateForwardNanoseconds + gateBackwardNanoseconds)
        let exponentials = work.exponentials * Self.exponentialNanoseconds / Double(threads)
        return (work.productFlops / productGFLOPS + gates + exponentials) / 1e6
    }

    /// Which kernels OpenBLAS runs, as `SkylakeX`.
    public static var openBLASCore: String { String(cString: openblas_get_corename()) }

    /// Measures for about a second; the best of many repetitions, so a busy machine matters little.
    ///
    /// - Throws: no threads to be had.
    public static func measure(threads: Int) throws(KernelError) -> Ceilings {
        let team = try Team(threads: threads)
        let benches = (0..<threads).map { _ in (product: ProductBench(), gate: GateBench()) }
        func best(of repetitions: Int, _ body: (Int) -> Void) -> Double {
            let clock = ContinuousClock()
            return (0..<repetitions).reduce(Double.infinity) { best, _ in
                let time = clock.measure { team.share(threads, body) }
                return min(best, time / .nanoseconds(1))
            }
        }
        let flops = ProductBench.flops * Double(threads)
        let neurons = GateBench.neuronCount * Double(threads)
        return Ceilings(
            threads: threads, productGFLOPS: flops / best(of: 60) { benches[$0].product.run() },
            gateForwardNanoseconds: best(of: 400) { benches[$0].gate.forward() } / neurons,
            gateBackwardNanoseconds: best(of: 400) { benches[$0].gate.backward() } / neurons)
    }
}

private struct ProductBench {
    static let side = 512
    static let flops = 2 * Double(side * side * side)
    let a = Storage(Array(repeating: 0.5, count: side * side))
    let b = Storage(Array(repeating: 0.25, count: side * side))
    let c = Storage(count: side * side)

    func run() {
        product(into: c.pointer, a.pointer, b.pointer, m: Self.side, n: Self.side, k: Self.side)
    }
}

/// A tile's worth of exact gates: it stays in the second-level cache, as a step's tiles do.
private struct GateBench {
    static let (components, rows, neurons) = (32, 256, 16)
    static let neuronCount = Double(components * rows * neurons)
    let inner = Storage((0..<components * rows).map { Float($0 % 997) / 250 - 2 })
    let outer = Storage(count: components * rows)
    let weights = Storage((0..<3 * components * neurons).map { Float($0 % 101) / 50 - 1 })
    let gradients = Storage(count: (3 * neurons + 1) * components)
    let bias = Storage(count: components)

    func forward() {
        let (w, count) = (weights.pointer, Self.components * Self.neurons)
        ck_gate_forward(
            outer.pointer, inner.pointer, w, w + count, w + 2 * count, bias.pointer, Self.components, Self.rows,
            Self.neurons)
    }

    func backward() {
        let (w, d, count) = (weights.pointer, gradients.pointer, Self.components * Self.neurons)
        gradients.clear()
        ck_gate_backward(
            outer.pointer, d, d + count, d + 2 * count, d + 3 * count, inner.pointer, inner.pointer, w, w + count,
            w + 2 * count, Self.components, Self.rows, Self.neurons)
    }
}
