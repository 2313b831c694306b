import Metrics
import Testing

@testable import Kernels

@Suite struct BadInputTests {
    private func message(_ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation)
        -> String
    {
        let error = #expect(throws: KernelError.self, sourceLocation: sourceLocation, performing: body)
        return error.map { "\($0)" } ?? ""
    }

    private let weights: StateDict = [
        "linear1.weight": Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
        "linear2.weight": Tensor(shape: [3, 2], values: [1, 4, 2, 5, 3, 6]),
        "linear2.bias": Tensor(zeros: [3]),
    ]

    private func tms(layers: Int = 0, _ change: (inout StateDict) -> Void) throws {
        var changed = weights
        change(&changed)
        let shape = TMSShape(features: 3, hidden: 2, hiddenLayers: layers, tiedWeights: true)
        let target = try TMSTarget(stateDict: changed, shape: shape)
        #expect(target.stateDict == changed)
    }

    @Test func aToyModelsWeightsMustBeItsOwn() throws {
        try tms { _ in }
        #expect(
            message { try tms { $0["linear2.bias"] = nil } } == "the target's weights lack 'linear2.bias'")
        #expect(
            message { try tms(layers: 1) { _ in } } == "the target's weights lack 'hidden_layers.0.weight'")
        #expect(
            message { try tms { $0["linear1.bias"] = Tensor(zeros: [2]) } }
                == "the target's weights hold 'linear1.bias', which its config has no place for")
        #expect(
            message { try tms { $0["linear1.weight"] = Tensor(zeros: [3, 2]) } }
                == "'linear1.weight' has shape [3, 2], but the config makes it [2, 3]")
        for bad in [Float.nan, .infinity, -.infinity] {
            #expect(
                message { try tms { $0["linear2.bias"]?.values[1] = bad } }
                    == "'linear2.bias' holds NaN or infinity")
        }
        #expect(
            message { try tms { $0["linear2.weight"]?.values[3] += 1e-6 } }
                == "tied_weights is true, but linear2.weight is not linear1.weight transposed")
    }

    @Test func aResidualMLPsWeightsMustBeItsOwn() throws {
        var numbers = Numbers(seed: 0)
        let weights = try numbers.target(.mlp(layers: 2, inBias: true)).stateDict
        func mlp(inBias: Bool = true, outBias: Bool = false, _ change: (inout StateDict) -> Void) throws {
            var changed = weights
            change(&changed)
            let shape = ResidualMLPShape(
                features: 3, embedding: 2, neurons: 4, layers: 2, activation: .relu, inBias: inBias,
                outBias: outBias)
            let target = try ResidualMLPTarget(stateDict: changed, shape: shape)
            #expect(target.stateDict == changed)
        }
        try mlp { _ in }
        #expect(message { try mlp { $0["W_U"] = nil } } == "the target's weights lack 'W_U'")
        #expect(
            message { try mlp(outBias: true) { _ in } } == "the target's weights lack 'layers.0.mlp_out.bias'"
        )
        #expect(
            message { try mlp(inBias: false) { _ in } }
                == "the target's weights hold 'layers.0.mlp_in.bias', which its config has no place for")
        #expect(
            message { try mlp { $0["layers.1.mlp_out.weight"] = Tensor(zeros: [4, 2]) } }
                == "'layers.1.mlp_out.weight' has shape [4, 2], but the config makes it [2, 4]")
        #expect(
            message { try mlp { $0["layers.1.mlp_in.bias"]?.values[0] = .nan } }
                == "'layers.1.mlp_in.bias' holds NaN or infinity")
    }

    @Test func aPatternThatMatchesNothingIsNamedWithTheModulesThereAre() {
        #expect(
            message {
                _ = try FeatureDecomposition.example(
                    Scene(network: .tms(layers: 1), patterns: ["linear1", "linear3"]), seed: 0, batchSize: 1)
            }
                == "target_module_patterns: 'linear3' matches no module; the target has linear1, hidden_layers.0, linear2"
        )
        #expect(
            message {
                _ = try FeatureDecomposition.example(
                    Scene(network: .mlp(), patterns: ["layers.*.mlp_on"]), seed: 0, batchSize: 1)
            }
                == "target_module_patterns: 'layers.*.mlp_on' matches no module; the target has layers.0.mlp_in, layers.0.mlp_out"
        )
    }

    @Test func aModuleThatTwoPatternsMatchIsDecomposedOnce() throws {
        let decomposition = try FeatureDecomposition.example(
            Scene(network: .tms(layers: 1), patterns: ["linear2", "l*", "linear1"]), seed: 0, batchSize: 1)
        #expect(decomposition.modules.map(\.name) == ["linear1", "linear2"])
    }

    @Test(arguments: [\DecompositionSettings.subcomponents, \.batchSize, \.maskSamples])
    func whatMustBePositiveIs(quantity: any WritableKeyPath<DecompositionSettings, Int> & Sendable) throws {
        let stage = try Stage(Scene(network: .tms()), seed: 0)
        var settings = stage.decomposition.settings
        settings[keyPath: quantity] = 0
        #expect(
            message {
                _ = try FeatureDecomposition(
                    target: stage.decomposition.target, data: stage.decomposition.data, settings: settings, threads: 1)
            }
                == "C, batch_size and n_mask_samples must be at least 1")
    }

    @Test func batchesMustHaveTheTargetsFeatures() throws {
        let stage = try Stage(Scene(network: .tms(features: 4)), seed: 0)
        var data = stage.decomposition.data
        data.features = 5
        #expect(
            message {
                _ = try FeatureDecomposition(
                    target: stage.decomposition.target, data: data, settings: stage.decomposition.settings, threads: 1)
            }
                == "batches have 5 features, but the target takes 4")
    }

    @Test func refusedComponentsChangeNothing() throws {
        let decomposition = try FeatureDecomposition.example(Scene(network: .tms()), seed: 0, batchSize: 2)
        let before = decomposition.trainedTensors
        func set(_ change: (inout StateDict) -> Void) throws {
            var tensors = before.mapValues { Tensor(zeros: $0.shape) }
            change(&tensors)
            try decomposition.setTrainedTensors(tensors)
        }
        #expect(
            message { try set { $0["gates.linear2.mlp_in"] = Tensor(zeros: [2, 3]) } }
                == "'gates.linear2.mlp_in' has shape [2, 3], but the config makes it [3, 2]")
        #expect(
            message { try set { $0["gates.linear2.out_bias"]?.values[2] = .nan } }
                == "'gates.linear2.out_bias' holds NaN or infinity")
        #expect(
            message { try set { $0["gates.linear2.out_bias"] = nil } }.contains("'gates.linear2.out_bias'"))
        #expect(
            message { try set { $0["gates.linear3.out_bias"] = Tensor(zeros: [3]) } }
                .contains("'gates.linear3.out_bias'"))
        #expect(decomposition.trainedTensors == before)
    }

    @Test func givenNumbersOfAnotherShapeAreRefused() throws {
        let stage = try Stage(Scene(network: .tms(), rows: .someEmpty(5)), seed: 0)
        var given = stage.given
        given.batch = Tensor(zeros: [4, 4])
        #expect(
            message { _ = try stage.decomposition.replay(given) }
                == "'batch' has shape [4, 4], but the config makes it [5, 4]")
        given = stage.given
        given.uniforms[.init(term: .stochasticRecon, sample: 0, module: "linear2")] = Tensor(zeros: [1, 3])
        #expect(message { _ = try stage.decomposition.replay(given) }.contains("has shape [1, 3]"))
        given = stage.given
        given.batch.values[3] = .nan
        #expect(message { _ = try stage.decomposition.replay(given) }.contains("at step 0"))
    }

    @Test(arguments: [1, 2])
    func aLossThatIsNotFiniteIsNamedAndTheStepNotTaken(threads: Int) throws {
        let decomposition = try FeatureDecomposition.example(
            Scene(network: .tms(layers: 1, tied: true), coefficients: Scene.only(.faithfulness)), seed: 0,
            batchSize: 8, threads: threads, rate: 1e25)
        try decomposition.advance(reporting: false)
        let state = decomposition.state
        let tensors = decomposition.trainedTensors
        #expect(tensors.values.allSatisfy { $0.values.allSatisfy(\.isFinite) })
        // Sums of infinities of both signs are no number: which it is depends on the kernels' order.
        let possible = ["inf", "nan"].map { "loss/faithfulness became \($0) at step 1" }
        #expect(possible.contains(message { try decomposition.advance(reporting: true) }))
        #expect(decomposition.state == state)
        #expect(decomposition.step == 1)
    }

    @Test func componentsTooLargeToComputeWithAreNotStepped() throws {
        let stage = try Stage(Scene(network: .tms(), coefficients: Scene.only(.faithfulness)), seed: 0)
        var point = stage.point
        point["components.linear1.V"] = point["components.linear1.V"].map {
            Tensor(shape: $0.shape, values: $0.values.map { _ in 3e38 })
        }
        point["components.linear1.U"] = point["components.linear1.U"].map { Tensor(zeros: $0.shape) }
        try stage.decomposition.setTrainedTensors(point)
        #expect(throws: KernelError.self) { _ = try stage.decomposition.replay(stage.given) }
        #expect(stage.decomposition.trainedTensors == point)
    }
}
