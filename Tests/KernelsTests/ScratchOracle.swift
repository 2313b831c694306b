import Artifacts
import Foundation
import Kernels
import Testing

@Test(arguments: ["tms_5-2_tied", "tms_hidden_all_losses", "resid_mlp_1layer", "resid_mlp_2layer_gelu_bias"])
func scratchOracle(name: String) throws {
    let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let given = try SafeTensors(contentsOf: "/\(folder)/Fixtures/oracle/\(name).safetensors")
    let expected = try SafeTensors(contentsOf: "/\(folder)/Fixtures/oracle/\(name).expected.safetensors")
    let config =
        try JSONSerialization.jsonObject(with: Data(given.metadata["config"]!.utf8)) as! [String: Any]
    let tc =
        try JSONSerialization.jsonObject(with: Data(given.metadata["target_config"]!.utf8)) as! [String: Any]
    func tensors(_ prefix: String) -> StateDict {
        var r: StateDict = [:]
        for (k, v) in given.arrays where k.hasPrefix(prefix) {
            r[String(k.dropFirst(prefix.count))] = Tensor(shape: v.shape, values: v.floats)
        }
        return r
    }
    let target: TargetModel
    if given.metadata["target_class"] == "tms" {
        target = .tms(
            try TMSTarget(
                stateDict: tensors("target."),
                shape: TMSShape(
                    features: tc["n_features"] as! Int, hidden: tc["n_hidden"] as! Int,
                    hiddenLayers: tc["n_hidden_layers"] as! Int, tiedWeights: tc["tied_weights"] as! Bool)))
    } else {
        target = .residualMLP(
            try ResidualMLPTarget(
                stateDict: tensors("target."),
                shape: ResidualMLPShape(
                    features: tc["n_features"] as! Int, embedding: tc["d_embed"] as! Int,
                    neurons: tc["d_mlp"] as! Int, layers: tc["n_layers"] as! Int,
                    activation: Activation(rawValue: tc["act_fn_name"] as! String)!,
                    inBias: tc["in_bias"] as! Bool, outBias: tc["out_bias"] as! Bool)))
    }
    func f(_ k: String) -> Float? { (config[k] as? NSNumber).map { $0.floatValue } }
    func i(_ k: String) -> Int { (config[k] as! NSNumber).intValue }
    var co = LossCoefficients(importanceMinimality: f("importance_minimality_coeff")!)
    co.faithfulness = f("faithfulness_coeff"); co.recon = f("recon_coeff");
    co.stochasticRecon = f("stochastic_recon_coeff")
    co.reconLayerwise = f("recon_layerwise_coeff");
    co.stochasticReconLayerwise = f("stochastic_recon_layerwise_coeff")
    co.schatten = f("schatten_coeff"); co.outputRecon = f("out_recon_coeff")
    let schedule: LearningRate.Schedule =
        switch config["lr_schedule"] as! String {
        case "cosine": .cosine;
        case "exponential": .exponential(halflife: config["lr_exponential_halflife"] as! Double);
        default: .constant
        }
    let settings = DecompositionSettings(
        subcomponents: i("C"), maskSamples: i("n_mask_samples"), gateNeurons: i("n_ci_mlp_neurons"),
        sigmoid: Sigmoid(rawValue: config["sigmoid_type"] as! String)!,
        modulePatterns: config["target_module_patterns"] as! [String], coefficients: co, pnorm: f("pnorm")!,
        outputLoss: .init(rawValue: config["output_loss_type"] as! String)!, steps: i("steps"),
        batchSize: i("batch_size"),
        learningRate: LearningRate(
            peak: config["lr"] as! Double, schedule: schedule,
            warmupFraction: config["lr_warmup_pct"] as! Double),
        data: SparseFeatures(features: target.features, activity: .independent(probability: 0.1), lowest: 0),
        seed: 0)
    let d = try Decomposition(target: target, settings: settings, threads: 2)
    try d.setTrainedTensors(tensors("init."))
    func compare(_ n: String, _ shape: [Int], _ v: [Float], tol: Float = 1e-4) {
        guard let e = expected.arrays[n] else { Issue.record("no \(n)"); return }
        #expect(e.shape == shape, "\(n)")
        let top = e.floats.map(abs).max()!
        let diff = zip(e.floats, v).map { abs($0 - $1) }.max()!
        #expect(diff <= max(tol * top, 1e-7), "\(name) \(n): diff \(diff) of \(top)")
    }
    for s in 0..<Int(given.metadata["steps"]!)! {
        var uniforms: [GivenNumbers.Key: Tensor] = [:]
        for term in [LossTerm.stochasticRecon, .stochasticReconLayerwise] {
            for sample in 0..<settings.maskSamples {
                for m in d.modules {
                    let a = given.arrays["step\(s).uniform.\(term.rawValue).\(sample).\(m.name)"]!
                    uniforms[.init(term: term, sample: sample, module: m.name)] = Tensor(
                        shape: a.shape, values: a.floats)
                }
            }
        }
        let b = given.arrays["step\(s).batch"]!
        let (report, capture) = try d.replay(
            .init(batch: Tensor(shape: b.shape, values: b.floats), uniforms: uniforms))
        for (t, v) in report.losses { compare("step\(s).loss.\(t.rawValue)", [], [Float(v)], tol: 1e-5) }
        compare("step\(s).loss.total", [], [Float(report.total)], tol: 1e-5)
        compare("step\(s).target_out", capture.targetOutput.shape, capture.targetOutput.values)
        for (m, t) in capture.ci { compare("step\(s).ci.\(m)", t.shape, t.values) }
        for (m, t) in capture.ciUpper { compare("step\(s).ci_upper_leaky.\(m)", t.shape, t.values) }
        for (m, t) in capture.gradients { compare("step\(s).grad.\(m)", t.shape, t.values) }
    }
    for (m, t) in d.trainedTensors { compare("final.\(m)", t.shape, t.values) }
}
