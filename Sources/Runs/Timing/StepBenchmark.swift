import Artifacts
import Experiments
import Foundation
public import Kernels

/// The time that one experiment's optimiser steps take, compared with what they have to compute.
public struct StepBenchmark: Codable, Sendable {
    /// The experiment's published name.
    public let experiment: String
    /// Threads per step.
    public let threads: Int
    /// Whether gates were computed neuron by neuron rather than interpolated.
    public let exactGates: Bool
    /// The wall time of each step, in ms, in order.
    public let stepMilliseconds: [Double]
    /// Their median.
    public let medianMilliseconds: Double
    /// What logging a row takes in addition to the step, in ms: the losses that are not trained on, and the metrics.
    public let rowMilliseconds: Double
    /// The most memory that the process has held meanwhile, in MB.
    public let peakMegabytes: Double
    /// Rows that hold anything but zeros, of a step's batch, on average.
    public let liveRows: Double
    /// Gate neurons of a step as the method is written: rows × modules × C × N.
    public let gateNeurons: Double
    /// Gate neurons on rows that are not empty.
    public let liveGateNeurons: Double
    /// Floating-point operations of a step's matrix products.
    public let productFlops: Double
    /// Exponentials of a step's softmaxes.
    public let exponentials: Double
    /// `productFlops` per second of step.
    public let achievedGFLOPS: Double
    /// Time of step per `gateNeurons`, in ns.
    public let nanosecondsPerGateNeuron: Double
    /// The config, as JSON, for a peer that is to compute the same.
    public let config: String
    /// The target's training config, as JSON.
    public let targetConfig: String

    /// The time below which no step with exact gates gets on a machine with these ceilings, in ms.
    public let floorMilliseconds: Double
}

extension StepBenchmark {
    /// Which steps are timed.
    public struct Plan: Sendable {
        /// What is decomposed.
        let experiment: Experiment
        /// Steps taken before the first that counts.
        let warmup: Int
        /// Steps that count; nil takes as many as fit two seconds, at least five.
        let steps: Int?
        /// Whether gates are computed neuron by neuron rather than interpolated.
        let exactGates: Bool

        /// Plans to time a published experiment.
        ///
        /// - Throws: `RunError.invalid` for an experiment that is none of those.
        public init(experiment name: String, warmup: Int, steps: Int?, exactGates: Bool) throws(RunError) {
            do {
                experiment = try Registry.experiment(named: name)
            } catch {
                throw .invalid("\(error)")
            }
            guard Registry.allNames.contains(name) else {
                throw .invalid(
                    "\(name) is not a published experiment; \(Registry.allNames.joined(separator: ", ")) are")
            }
            self.warmup = warmup
            self.steps = steps
            self.exactGates = exactGates
        }
    }

    /// Times a plan's steps on as many threads as `ceilings` were measured on.
    ///
    /// The target has the published shape but is trained for a hundred steps only: a step's time does not depend on
    /// how good it is.
    ///
    /// - Throws: `RunError` for losses that are not numbers, or no available threads.
    public static func measure(_ plan: Plan, beside ceilings: Ceilings) throws(RunError) -> StepBenchmark {
        do {
            return try measureChecked(plan, ceilings)
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)")
        }
    }

    private static func measureChecked(_ plan: Plan, _ ceilings: Ceilings) throws -> StepBenchmark {
        let experiment = plan.experiment
        Self.forgetPeak()
        let (target, targetConfig) = try RunKinds.of(experiment.config.taskConfig.kind)
            .benchmark(experiment, threads: ceilings.threads)
        var settings = try DecompositionSettings(experiment.config)
        settings.interpolatesGates = !plan.exactGates
        let decomposition = try target.decomposition(
            experiment.config, settings: settings, threads: ceilings.threads)
        let times = try time(decomposition, plan)
        let median = times.sorted()[times.count / 2]
        let rows = try (0..<3).map { _ in try milliseconds { try decomposition.advance(reporting: true) } }
        let work = decomposition.work
        return StepBenchmark(
            experiment: experiment.name, threads: ceilings.threads, exactGates: plan.exactGates,
            stepMilliseconds: times, medianMilliseconds: median, rowMilliseconds: max(0, rows.sorted()[1] - median),
            peakMegabytes: peakMegabytes, liveRows: work.liveRows, gateNeurons: work.gateNeurons,
            liveGateNeurons: work.liveGateNeurons, productFlops: work.productFlops, exponentials: work.exponentials,
            achievedGFLOPS: work.productFlops / (median * 1e6),
            nanosecondsPerGateNeuron: median * 1e6 / max(work.gateNeurons, 1),
            config: experiment.config.canonicalJSON(), targetConfig: targetConfig,
            floorMilliseconds: ceilings.floorMilliseconds(work))
    }

    private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .milliseconds(1)
    }

    private static func time(_ decomposition: any Decomposition, _ plan: Plan) throws -> [Double] {
        let clock = ContinuousClock()
        for _ in 0..<plan.warmup { try decomposition.advance(reporting: false) }
        var times: [Double] = []
        let start = clock.now
        while plan.steps.map({ times.count < $0 }) ?? (times.count < 5 || clock.now - start < .seconds(2)) {
            times.append(try milliseconds { try decomposition.advance(reporting: false) })
        }
        return times
    }

    /// The most memory that the process has held since `forgetPeak`, in MB.
    static var peakMegabytes: Double {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").compactMap { Double($0) }.first.map { $0 / 1024 } ?? .nan
    }

    /// Has the kernel count the peak again; an old one keeps counting.
    private static func forgetPeak() {
        try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
    }
}
