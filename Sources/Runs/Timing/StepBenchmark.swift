import Artifacts
import Experiments
import Foundation
public import Kernels

/// The time that one experiment's optimiser steps take, beside what they have to compute.
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
    /// The most memory that the process has held so far, in MB.
    public let peakMegabytes: Double
    /// Rows that hold anything but zeros, of a step's batch, on average.
    public let liveRows: Double
    /// Gate neurons of a step as the method is written: rows × modules × C × N.
    public let gateNeurons: Double
    /// Gate neurons on rows that are not empty.
    public let liveGateNeurons: Double
    /// Floating-point operations of a step's matrix products.
    public let productFlops: Double
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
            guard Registry.names.contains(name) else {
                throw .invalid("\(name) is not a published experiment; \(Registry.names.joined(separator: ", ")) are")
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
    /// - Throws: `RunError` for losses that are no numbers, or no threads to be had.
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
        guard let training = experiment.target, let task = experiment.config.taskConfig.sparseFeatures else {
            throw RunError.invalid("\(experiment.name) has no target that can be trained")
        }
        let target = try training.roughTarget(threads: ceilings.threads)
        var settings = try DecompositionSettings(experiment.config)
        settings.interpolatesGates = !plan.exactGates
        let decomposition = try FeatureDecomposition(
            target: target, data: training.data(experiment.config, features: target.features), settings: settings,
            threads: ceilings.threads)
        let times = try time(decomposition, plan)
        let median = times.sorted()[times.count / 2]
        let activeRows = StepCost.activeRows(
            probability: task.featureProbability, features: target.features,
            exactly: task.dataGenerationType.activeFeatures)
        let cost = StepCost(decomposition, activeRows: activeRows)
        return StepBenchmark(
            experiment: experiment.name, threads: ceilings.threads, exactGates: plan.exactGates,
            stepMilliseconds: times, medianMilliseconds: median, peakMegabytes: peakMegabytes,
            liveRows: cost.liveRows, gateNeurons: cost.gateNeurons, liveGateNeurons: cost.liveGateNeurons,
            productFlops: cost.productFlops, achievedGFLOPS: cost.productFlops / (median * 1e6),
            nanosecondsPerGateNeuron: median * 1e6 / cost.gateNeurons, config: experiment.config.canonicalJSON(),
            targetConfig: training.canonicalJSON(), floorMilliseconds: cost.floorMilliseconds(ceilings))
    }

    private static func time(_ decomposition: any Decomposition, _ plan: Plan) throws -> [Double] {
        let clock = ContinuousClock()
        for _ in 0..<plan.warmup { try decomposition.advance(reporting: false) }
        var times: [Double] = []
        let start = clock.now
        while plan.steps.map({ times.count < $0 }) ?? (times.count < 5 || clock.now - start < .seconds(2)) {
            let before = clock.now
            try decomposition.advance(reporting: false)
            times.append((clock.now - before) / .milliseconds(1))
        }
        return times
    }

    static var peakMegabytes: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024
    }
}
