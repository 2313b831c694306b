import ArgumentParser
import Experiments
import Foundation
import Kernels
import Runs

extension Worker {
    /// Times the steps of published experiments.
    struct BenchSteps: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "bench",
            abstract: "Time the optimiser steps of published experiments.",
            discussion: """
                At full size; the target is trained for only a hundred steps, or has random weights, which does not
                change a step's time. Next to the times are this machine's ceilings: the best speed of matrix products
                and of exact gates. The floor is how long a step's products, gates and exponentials (0.3 ns each) take at those.
                `make bench` compares them with PyTorch; docs/reference/performance.md says how to read them.

                EXAMPLES
                  worker bench tms_5-2 --threads 1
                  worker bench resid_mlp1 --exact-gates --steps 20 --json
                  worker bench ss_emb ts lm_small --steps 200
                  worker bench --ceilings
                """)

        @Argument(help: "Published experiments (default: all toy models).")
        var experiments: [String] = []

        @Option(help: ArgumentHelp("Threads per step (default: 1, then all cores).", valueName: "count"))
        var threads: Int?

        @Option(help: ArgumentHelp("Steps to time (default: two seconds' worth, at least 5).", valueName: "count"))
        var steps: Int?

        @Option(help: ArgumentHelp("Warm-up steps before timing starts.", valueName: "count"))
        var warmup = 5

        @Flag(help: "Compute gates neuron by neuron instead of interpolating them.")
        var exactGates = false

        @Flag(help: "Measure the ceilings only.")
        var ceilings = false

        @Flag(help: "Print JSON.")
        var json = false

        mutating func validate() throws {
            guard (threads ?? 1) > 0, (steps ?? 1) > 0, warmup >= 0 else {
                throw ValidationError("--threads and --steps must be at least 1, --warmup at least 0")
            }
            guard !ceilings || experiments.isEmpty else {
                throw ValidationError("--ceilings measures the machine and takes no experiments")
            }
        }

        mutating func run() throws {
            let cores = ProcessInfo.processInfo.activeProcessorCount
            let teams = threads.map { [$0] } ?? (cores > 1 ? [1, cores] : [1])
            let names = ceilings ? [] : experiments.isEmpty ? Registry.names : experiments
            let plans = try names.map {
                try StepBenchmark.Plan(experiment: $0, warmup: warmup, steps: steps, exactGates: exactGates)
            }
            do {
                let measured = try teams.map { try Ceilings.measure(threads: $0) }
                var result = Result(openBLASCore: Ceilings.openBLASCore, ceilings: measured, benchmarks: [])
                if !json { print(result.header) }
                for plan in plans {
                    for ceilings in measured {
                        let benchmark = try StepBenchmark.measure(plan, beside: ceilings)
                        if !json { print(Result.row(benchmark)) }
                        result.benchmarks.append(benchmark)
                    }
                }
                if json { print(try result.jsonText()) }
            } catch let error as KernelError {
                throw RunError.failed("\(error)")
            }
        }
    }
}

extension Worker.BenchSteps {
    /// One set of measurements.
    private struct Result: Codable {
        let openBLASCore: String
        let ceilings: [Ceilings]
        var benchmarks: [StepBenchmark]

        func jsonText() throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }

        var header: String {
            var lines = ["OpenBLAS core: \(openBLASCore)"]
            for ceiling in ceilings {
                lines.append(
                    String(
                        format:
                            "ceilings, %d thread(s): %.0f GFLOP/s; %.3f + %.3f ns per gate neuron, forward + backward",
                        ceiling.threads, ceiling.productGFLOPS, ceiling.gateForwardNanoseconds,
                        ceiling.gateBackwardNanoseconds))
            }
            return lines.joined(separator: "\n")
        }

        static func row(_ b: StepBenchmark) -> String {
            let name = b.experiment.padding(toLength: 14, withPad: " ", startingAt: 0)
            let gates = b.gateNeurons > 0 ? String(format: "%.4f ns/gate neuron  ", b.nanosecondsPerGateNeuron) : ""
            return name
                + String(
                    format: "%2d threads  %9.3f ms/step (%d steps)  floor %8.3f ms, %5.2fx  a row's metrics %.3f ms  "
                        + "%6.1f GFLOP/s  ",
                    b.threads, b.medianMilliseconds, b.stepMilliseconds.count, b.floorMilliseconds,
                    b.medianMilliseconds / b.floorMilliseconds, b.rowMilliseconds, b.achievedGFLOPS)
                + gates + String(format: "%5.0f MB", b.peakMegabytes)
        }
    }
}
