import Foundation
import Kernels

@main
struct Worker {
    static func main() throws {
        let which = CommandLine.arguments[1]
        let threads = Int(CommandLine.arguments[2])!
        let steps = Int(CommandLine.arguments[3])!
        if which.hasPrefix("resid") {
            let layers = Int(String(which.last!))!
            let f = layers == 3 ? 102 : 100
            let shape = ResidualMLPShape(features: f, embedding: 1000, neurons: [50, 25, 17][layers - 1], layers: layers, activation: .relu, inBias: false, outBias: false)
            let data = SparseFeatures(features: f, activity: .independent(probability: 0.01), lowest: -1)
            let t = ResidualMLPTraining(shape: shape, data: data, batchSize: 2048, steps: Int(CommandLine.arguments[4])!, learningRate: LearningRate(peak: 3e-3, schedule: .raisedCosine), embedding: .fixedRandom, labels: .actPlusResid, labelCoefficients: Array(repeating: 1, count: f), loss: .readoff, importance: 1, finalBatches: 10)
            var start = Date()
            let (target, loss) = try t.train(seed: 0, threads: threads) { s, l in if s % 200 == 0 { print(s, l) }; return true }!
            print("final", loss, Date().timeIntervalSince(start))
            var co = LossCoefficients(importanceMinimality: layers == 3 ? 5e-6 : 1e-5)
            co.faithfulness = 1; co.stochasticRecon = 1; co.stochasticReconLayerwise = 1; co.outputRecon = 0
            let s = DecompositionSettings(subcomponents: [100, 400, 500][layers - 1], maskSamples: 1, gateNeurons: layers == 3 ? 128 : 16, sigmoid: .leakyHard, modulePatterns: ["layers.*.mlp_in", "layers.*.mlp_out"], coefficients: co, pnorm: 2, outputLoss: .mse, steps: steps, batchSize: 2048, learningRate: LearningRate(peak: layers == 1 ? 2e-3 : 1e-3), data: data, seed: 0)
            let d = try Decomposition(target: .residualMLP(target), settings: s, threads: threads)
            start = Date()
            for i in 0..<steps {
                if let r = try d.advance(reporting: i % max(1, steps / 10) == 0) {
                    print(r.step, r.total, r.losses.map { "\($0.key.rawValue)=\($0.value)" }.sorted().joined(separator: " "), r.alive, r.l0, Date().timeIntervalSince(start) / Double(max(1, i)) * 1000, "ms/step")
                }
            }
            print(Date().timeIntervalSince(start) / Double(steps) * 1000, "ms/step")
            return
        }
        let big = which.hasPrefix("tms_40")
        let hiddenLayers = which.hasSuffix("id") ? 1 : 0
        let f = big ? 40 : 5
        let h = big ? 10 : 2
        let t = TMSTraining(shape: TMSShape(features: f, hidden: h, hiddenLayers: hiddenLayers, tiedWeights: true), data: SparseFeatures(features: f, activity: .independent(probability: 0.05), lowest: 0), batchSize: big ? 8192 : 1024, steps: Int(CommandLine.arguments[4])!, learningRate: LearningRate(peak: 5e-3), biasStartsAtZero: big, hiddenLayers: .fixedIdentity)
        var target: TMSTarget?
        for seed in 0..<32 {
            let start = Date()
            let r = t.train(seed: seed) { _, _ in true }!
            print("seed", seed, r.loss, r.target.unrepresentedFeatures, Date().timeIntervalSince(start))
            target = r.target
            if r.target.unrepresentedFeatures.isEmpty { break }
        }
        var co = LossCoefficients(importanceMinimality: big ? 1e-4 : 3e-3)
        co.faithfulness = 1; co.stochasticRecon = 1; co.stochasticReconLayerwise = 1
        let s = DecompositionSettings(subcomponents: big ? 200 : 20, maskSamples: 1, gateNeurons: 16, sigmoid: .leakyHard, modulePatterns: hiddenLayers > 0 ? ["linear1", "linear2", "hidden_layers.0"] : ["linear1", "linear2"], coefficients: co, pnorm: big ? 2 : 1, outputLoss: .mse, steps: steps, batchSize: 4096, learningRate: LearningRate(peak: 1e-3, schedule: .cosine), data: t.data, seed: 0)
        let d = try Decomposition(target: .tms(target!), settings: s, threads: threads)
        let start = Date()
        for i in 0..<steps {
            if let r = try d.advance(reporting: i % max(1, steps / 10) == 0) {
                print(r.step, r.total, r.losses.map { "\($0.key.rawValue)=\($0.value)" }.sorted().joined(separator: " "), r.alive, r.l0, d.recovery!, Date().timeIntervalSince(start) / Double(max(1, i)) * 1000, "ms/step")
            }
        }
        print(d.recovery!, Date().timeIntervalSince(start) / Double(steps) * 1000, "ms/step")
    }
}
