import Kernels
import Runs
import Testing

/// What `worker bench` says a step has to compute.
struct StepBenchmarkTests {
    private func benchmark(_ name: String) throws -> StepBenchmark {
        let plan = try StepBenchmark.Plan(experiment: name, warmup: 0, steps: 1, exactGates: false)
        return try StepBenchmark.measure(plan, beside: Ceilings.measure(threads: 1))
    }

    @Test func aStepsOperationsAreThoseCountedByHand() throws {
        // given tms_5-2: linear1 (5 → 2) and linear2 (2 → 5), C 20, N 16, batch 4096, p 0.05
        let live = 4096 * (1 - 0.773_780_937_5)  // 0.95⁵ of the rows are empty

        // when
        let result = try benchmark("tms_5-2")

        // then
        #expect(result.stepMilliseconds.count == 1)
        #expect(result.gateNeurons == 4096 * 2 * 20 * 16)
        #expect(abs(result.liveRows - live) < 1e-6)
        #expect(abs(result.liveGateNeurons - live * 640) < 1e-3)
        // Multiply-adds per row: the target 20; x V and its gradient 280; both modules masked 120 + 420; linear1 alone
        // 120 + 20 through linear2; linear2 alone 300. Per step: faithfulness 3 · 20 · (10 + 10).
        #expect(abs(result.productFlops - 2 * (live * 1280 + 1200)) < 1)
    }

    @Test func aLayersOperationsAreThoseCountedByHand() throws {
        // given resid_mlp1: f 100, d 1000, m 50, C 100, batch 2048, p 0.01
        let result = try benchmark("resid_mlp1")
        let (f, d, m, c) = (100.0, 1000.0, 50.0, 100.0)

        // then: W_E V and U W_U with their gradients, faithfulness of two matrices; per row the target, x V and its
        // gradient, both modules masked, mlp_in alone, mlp_out alone.
        let perStep = 4 * f * c * d + 6 * d * m * c
        let both = c * m + m * c + c * f + 2 * c * f + 2 * m * c + 2 * c * m
        let alone = (c * m + m * f + m * f + 2 * c * m) + (c * f + 2 * c * f)
        let perRow = 2 * f * m + 2 * (f * c + m * c) + both + alone
        #expect(abs(result.productFlops / (2 * (perStep + result.liveRows * perRow)) - 1) < 1e-9)
    }

    @Test func anUnknownExperimentIsRefusedByName() {
        #expect(throws: RunError.self) {
            try StepBenchmark.Plan(experiment: "tms_5-3", warmup: 0, steps: 1, exactGates: false)
        }
    }
}
