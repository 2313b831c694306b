import Foundation
import TestFiles
import Testing

@testable import Experiments

struct PublishedExperimentsTests {
    struct Row: Sendable {
        let name: String
        let C: Int
        var gateNeurons = 16
        let modules: [String]
        let importance: Double
        let pnorm: Double
        let batch: Int
        let steps: Int
        let lr: Double
        let schedule: LearningRateSchedule
        let printFreq: Int
        let probability: Double
        var outRecon: Double?
    }

    static let tms = ["linear1", "linear2"]
    static let residual = ["layers.*.mlp_in", "layers.*.mlp_out"]
    static let rows = [
        Row(
            name: "tms_5-2", C: 20, modules: tms, importance: 3e-3, pnorm: 1, batch: 4096, steps: 40_000,
            lr: 1e-3,
            schedule: .cosine, printFreq: 1000, probability: 0.05),
        Row(
            name: "tms_5-2-id", C: 20, modules: tms + ["hidden_layers.0"], importance: 3e-3, pnorm: 1,
            batch: 4096,
            steps: 40_000, lr: 1e-3, schedule: .cosine, printFreq: 1000, probability: 0.05),
        Row(
            name: "tms_40-10", C: 200, modules: tms, importance: 1e-4, pnorm: 2, batch: 4096, steps: 40_000,
            lr: 1e-3,
            schedule: .cosine, printFreq: 1000, probability: 0.05),
        Row(
            name: "tms_40-10-id", C: 200, modules: tms + ["hidden_layers.0"], importance: 1e-4, pnorm: 2,
            batch: 4096,
            steps: 40_000, lr: 1e-3, schedule: .cosine, printFreq: 1000, probability: 0.05),
        Row(
            name: "resid_mlp1", C: 100, modules: residual, importance: 1e-5, pnorm: 2, batch: 2048,
            steps: 30_000,
            lr: 2e-3, schedule: .constant, printFreq: 100, probability: 0.01, outRecon: 0),
        Row(
            name: "resid_mlp2", C: 400, modules: residual, importance: 1e-5, pnorm: 2, batch: 2048,
            steps: 50_000,
            lr: 1e-3, schedule: .constant, printFreq: 500, probability: 0.01, outRecon: 0),
        Row(
            name: "resid_mlp3", C: 500, gateNeurons: 128, modules: residual, importance: 5e-6, pnorm: 2,
            batch: 2048,
            steps: 100_000, lr: 1e-3, schedule: .constant, printFreq: 500, probability: 0.01, outRecon: 0),
    ]

    @Test func theRegistryHoldsTheSevenInOrder() {
        #expect(Registry.names == Self.rows.map(\.name))
    }

    @Test(arguments: rows)
    func aPublishedExperimentHasThePublishedValues(row: Row) throws {
        let experiment = try Registry.experiment(named: row.name)
        let config = experiment.config
        #expect(experiment.name == row.name)
        #expect(config.wandbProject == "spd")
        #expect(config.seed == 0)
        #expect(config.C == row.C)
        #expect(config.nMaskSamples == 1)
        #expect(config.nCIMLPNeurons == row.gateNeurons)
        #expect(config.sigmoidType == .leakyHard)
        #expect(config.targetModulePatterns == row.modules)
        #expect(config.faithfulnessCoeff == 1)
        #expect(config.stochasticReconCoeff == 1)
        #expect(config.stochasticReconLayerwiseCoeff == 1)
        #expect(config.reconCoeff == nil)
        #expect(config.reconLayerwiseCoeff == nil)
        #expect(config.schattenCoeff == nil)
        #expect(config.embeddingReconCoeff == nil)
        #expect(config.outReconCoeff == row.outRecon)
        #expect(config.importanceMinimalityCoeff == row.importance)
        #expect(config.pnorm == row.pnorm)
        #expect(config.outputLossType == .mse)
        #expect(config.batchSize == row.batch)
        #expect(config.steps == row.steps)
        #expect(config.lr == row.lr)
        #expect(config.lrSchedule == row.schedule)
        #expect(config.lrWarmupPct == 0)
        #expect(config.nEvalSteps == 100)
        #expect(config.printFreq == row.printFreq)
        #expect(config.imageFreq == 5000)
        #expect(config.imageOnFirstStep)
        #expect(config.saveFreq == nil)
        #expect(config.taskConfig.name == (row.name.hasPrefix("tms") ? "tms" : "residual_mlp"))
        #expect(config.taskConfig.sparseFeatures?.featureProbability == row.probability)
        #expect(config.taskConfig.sparseFeatures?.dataGenerationType == .atLeastZeroActive)
        #expect(config.pretrainedModelPath == .train(row.name))
    }

    @Test(arguments: [
        ("tms_5-2", 5, 2, 0, 1024, false), ("tms_5-2-id", 5, 2, 1, 1024, false),
        ("tms_40-10", 40, 10, 0, 8192, true), ("tms_40-10-id", 40, 10, 1, 8192, true),
    ])
    func aToyModelIsTrainedAsPublished(
        name: String, features: Int, hidden: Int, layers: Int, batch: Int, zeroBias: Bool
    ) throws {
        guard let training = try Registry.experiment(named: name).target?.training as? TMSTrainingConfig else {
            Issue.record("\(name) has no toy model for a target")
            return
        }
        #expect(training.model.nFeatures == features)
        #expect(training.model.nHidden == hidden)
        #expect(training.model.nHiddenLayers == layers)
        #expect(training.model.tiedWeights)
        #expect(training.model.initBiasToZero == zeroBias)
        #expect(training.batchSize == batch)
        #expect(training.steps == 10_000)
        #expect(training.lr == 5e-3)
        #expect(training.lrSchedule == .constant)
        #expect(training.featureProbability == 0.05)
        #expect(training.fixedIdentityHiddenLayers == (layers == 1))
        #expect(!training.fixedRandomHiddenLayers)
        #expect(training.maxSeeds == 32)
    }

    @Test(arguments: [
        ("resid_mlp1", 100, 50, 1, 1000), ("resid_mlp2", 100, 25, 2, 1000),
        ("resid_mlp3", 102, 17, 3, 10_000),
    ])
    func aResidualMLPIsTrainedAsPublished(
        name: String, features: Int, neurons: Int, layers: Int, steps: Int
    ) throws {
        guard let training = try Registry.experiment(named: name).target?.training as? ResidualMLPTrainingConfig else {
            Issue.record("\(name) has no residual MLP for a target")
            return
        }
        #expect(training.model.nFeatures == features)
        #expect(training.model.dEmbed == 1000)
        #expect(training.model.dMLP == neurons)
        #expect(training.model.nLayers == layers)
        #expect(training.model.actFnName == .relu)
        #expect(!training.model.inBias && !training.model.outBias)
        #expect(training.labelType == .actPlusResid)
        #expect(training.lossType == .readoff)
        #expect(training.useTrivialLabelCoeffs)
        #expect(training.importanceVal == 1)
        #expect(training.fixedRandomEmbedding && !training.fixedIdentityEmbedding)
        #expect(training.batchSize == 2048)
        #expect(training.steps == steps)
        #expect(training.lr == 3e-3)
        #expect(training.lrSchedule == .cosine)
        #expect(training.featureProbability == 0.01)
        #expect(training.printFreq == 100)
        #expect(training.nBatchesFinalLosses == 10)
        #expect(training.maxSeeds == 1)
    }

    @Test(arguments: rows.map(\.name))
    func aPublishedFileCanBeCopiedWithItsComments(name: String) throws {
        let text = try Registry.yaml(named: name)
        #expect(text.hasPrefix("# \(name): "))
        #expect(
            try ExperimentConfig.load(yaml: text, source: "copy") == Registry.experiment(named: name).config)
    }

    @Test func anUnknownExperimentIsToldWithTheNearest() {
        #expect(
            problems { _ = try Registry.experiment(named: "tms_5_2") }
                == "experiments: unknown experiment 'tms_5_2'; did you mean tms_5-2?")
        #expect(
            problems { _ = try Registry.experiment(named: "gpt") }
                == "experiments: unknown experiment 'gpt'; known: tms_5-2, tms_5-2-id, tms_40-10, tms_40-10-id, "
                + "resid_mlp1, resid_mlp2, resid_mlp3, lm_small, ss_emb, ts")
    }
}

struct OwnExperimentTests {
    @Test func aUsersFileIsAnExperimentNamedAfterIt() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.write(minimal, to: "my-tms_config.yaml")
            let experiment = try Registry.experiment(named: path)
            #expect(experiment.name == "my-tms")
            #expect(experiment.source == path)
            #expect(experiment.target == nil)
        }
    }

    @Test func theTargetBesideAUsersFileComesBeforeThePublishedOne() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.write(minimal + "\npretrained_model_path: train:tms_5-2", to: "mine.yaml")
            let published = try Registry.experiment(named: "tms_5-2").target
            #expect(try Registry.experiment(named: path).target == published)

            let own = try #require(published?.yaml()).replacing("steps: 10000", with: "steps: 7")
            _ = try folder.write(own, to: "tms_5-2_target.yaml")
            guard let training = try Registry.experiment(named: path).target?.training as? TMSTrainingConfig else {
                Issue.record("no toy model for a target")
                return
            }
            #expect(training.steps == 7)
        }
    }

    @Test func aTargetThatIsNowhereOrOfAnotherKindIsTold() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.write(minimal + "\npretrained_model_path: train:tms_5_2", to: "mine.yaml")
            #expect(
                problems { _ = try Registry.experiment(named: path) }
                    == "\(path):16:1: pretrained_model_path: no tms_5_2_target.yaml next to the "
                    + "experiment and no published target 'tms_5_2'; did you mean tms_5-2?")
            let other = try folder.write(
                minimal + "\npretrained_model_path: train:resid_mlp1", to: "other.yaml")
            #expect(
                problems { _ = try Registry.experiment(named: other) }
                    == "\(other):16:1: pretrained_model_path: the target is a residual_mlp model, "
                    + "task_name says tms")
        }
    }

    @Test func dataThatTheTargetIsTooSmallForIsTold() throws {
        try TemporaryFolder.with { folder in
            let text = minimal + "\n  synced_inputs: [[4, 5]]\npretrained_model_path: train:tms_5-2"
            let path = try folder.write(text, to: "mine.yaml")
            #expect(
                problems { _ = try Registry.experiment(named: path) }
                    == "\(path):16:3: task_config.synced_inputs: feature 5 does not exist; "
                    + "the target's are 0 to 4")
        }
    }
}
