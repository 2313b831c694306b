import Testing

@testable import Kernels

struct LanguageDecompositionTests {
    /// Rows that fall into several parts, several at a time in each.
    private static let long = LanguageScene(
        model: .gptNeo, patterns: ["transformer.w?e", "*.c_fc"], gateNeurons: 2, sigmoid: .leakyHard, rows: 19,
        length: 150)

    /// Few parts, so threads share them; more places and tokens than a piece has.
    static let shared: [LanguageScene] = [
        long,
        LanguageScene(
            model: .gptNeo, patterns: ["*.c_fc", "*.c_proj", "*.1.attn.attention.out_proj"], gateNeurons: 2,
            outputLoss: .mse, rows: 2, length: 300),
        LanguageScene(
            model: .tiedLlama, patterns: ["model.embed_tokens", "lm_head"], rows: 1, length: 450, vocabulary: 1100),
        LanguageScene(
            model: .llama, patterns: ["lm_head", "*.1.mlp.*_proj"], outputLoss: .mse, rows: 1, length: 450,
            vocabulary: 1100),
        LanguageScene(
            model: .llama, patterns: ["*.self_attn.*_proj"], gateNeurons: 3, rows: 1, length: 530, vocabulary: 600),
        LanguageScene(model: .qwen2, patterns: ["*.k_proj", "*.gate_proj"], rows: 3, length: 200),
        LanguageScene(model: .parallelNeoX, patterns: ["*.query_key_value", "*.dense_h_to_4h"], rows: 2, length: 290),
        LanguageScene(
            model: .gptNeo, patterns: ["transformer.wpe"], coefficients: LanguageScene.embeddingLoss, rows: 2,
            length: 300),
    ]

    @Test(arguments: shared) func threadsDoNotChangeAByte(scene: LanguageScene) throws {
        func result(_ threads: Int) throws -> (state: DecompositionState, report: StepReport?) {
            let decomposition = try scene.decomposition(threads: threads)
            try decomposition.advance(reporting: false)
            let report = try decomposition.advance(reporting: true)
            return (decomposition.state, report)
        }
        let alone = try result(1)
        for threads in [2, 3, 8, 17, 64] {
            let found = try result(threads)
            #expect(found.state == alone.state, "\(threads) threads")
            #expect(found.report == alone.report, "\(threads) threads")
        }
    }

    @Test func aDecompositionThatGoesOnFromAStateEndsWithTheSameBytes() throws {
        let whole = try Self.long.decomposition()
        for _ in 0..<4 { try whole.advance(reporting: false) }
        let first = try Self.long.decomposition()
        for _ in 0..<2 { try first.advance(reporting: false) }
        let second = try Self.long.decomposition()

        try second.restore(first.state)
        for _ in 0..<2 { try second.advance(reporting: false) }

        #expect(second.state == whole.state)
    }

    /// Maps (outputs, inputs), embeddings (vocabulary, width): users' metrics read them so.
    @Test func weightsAreShownAsTheModelHasThem() throws {
        let decomposition = try Self.long.decomposition()
        let shown = try decomposition.observe(.weights).w
        let tensors = decomposition.target.stateDict
        #expect(Set(shown.keys) == Set(decomposition.moduleNames))
        #expect(shown.count > 2)
        for (name, weight) in shown {
            #expect(Set(weight.shape).count == 2)
            #expect(weight == tensors[name + ".weight"])
        }
    }

    @Test func lookingChangesNothing() throws {
        let looked = try Self.long.decomposition()
        let plain = try Self.long.decomposition()

        let picture = try #require(try looked.picture(batches: 5) { true })
        try looked.advance(reporting: false)
        try plain.advance(reporting: false)

        #expect(looked.state == plain.state)
        #expect(picture.modules.map(\.name) == looked.moduleNames)
        #expect(picture.modules[0].importances.count == 19 * 150 * 3)
        #expect(picture.modules[1].importances.count == 150 * 3)
        for module in picture.modules {
            #expect(module.activations.count == 3)
            #expect(module.activations.allSatisfy { (0...1).contains($0) })
        }
        #expect(try looked.picture(batches: 5) { false } == nil)
    }

    @Test func activationsAreFractionsOfPlaces() throws {
        var scene = Self.long
        (scene.rows, scene.length) = (2, 7)
        let decomposition = try scene.decomposition()

        let picture = try #require(try decomposition.picture(batches: 9) { true })

        for (index, module) in picture.modules.enumerated() {
            var (seen, active) = (0, [0, 0, 0])
            for batch in (0..<3).compactMap({ decomposition.tokens.evaluationBatch($0) }) {
                let ci = try #require(try decomposition.causalImportances(of: batch).ci[module.name])
                seen += ci.values.count / 3
                for (place, value) in ci.values.enumerated() where value > 0.1 { active[place % 3] += 1 }
            }
            #expect(module.activations == active.map { Float(Double($0) / Double(seen)) }, "\(index)")
        }
    }

    @Test func theStateDictIsThePublishedOne() throws {
        let scene = LanguageScene(model: .gptNeo, patterns: ["transformer.wte", "*.0.mlp.c_fc"])
        let keys = Set(try scene.decomposition().publishedStateDict.keys)
        let target = Set(try scene.model.transformer().weights.keys.map { "model." + $0 })

        #expect(keys.isSuperset(of: target))
        #expect(
            keys.subtracting(target) == [
                "model.lm_head.weight", "components.transformer-wte.V", "components.transformer-wte.U",
                "components.transformer-h-0-mlp-c_fc.V", "components.transformer-h-0-mlp-c_fc.U",
                "components.transformer-h-0-mlp-c_fc.bias", "gates.transformer-wte.weight",
                "gates.transformer-wte.bias",
                "gates.transformer-h-0-mlp-c_fc.weight", "gates.transformer-h-0-mlp-c_fc.bias",
            ])
    }

    @Test func trainingLowersTheLoss() throws {
        var scene = LanguageScene(
            model: .tiedLlama, patterns: ["*.mlp.*_proj"], sigmoid: .leakyHard, rows: 4, length: 8)
        scene.subcomponents = 8
        let decomposition = try scene.decomposition()
        let before = try decomposition.evaluate().total
        for _ in 0..<10 { try decomposition.advance(reporting: false) }
        #expect(try decomposition.evaluate().total < 0.8 * before)
    }

    @Test(arguments: [
        (["model.layers.0"], "'model.layers.0', a block of other modules"),
        (["*.mlp"], "'model.layers.0.mlp', a block of other modules"),
        (["model.norm"], "'model.norm', an RMSNorm"),
        (["nothing"], "'nothing' matches no module"),
    ])
    func patternsSelectLinearAndEmbeddingModulesOnly(patterns: [String], complaint: String) throws {
        let error = try #require(throws: KernelError.self) {
            _ = try LanguageScene(model: .llama, patterns: patterns).decomposition()
        }
        #expect(error.description.contains(complaint), "\(error)")
    }

    @Test(arguments: ["embed_out", "lm_head"]) func aHeadGoesByEitherOfItsNames(pattern: String) throws {
        let shape = try LanguageScene.Model.parallelNeoX.transformer().shape
        #expect(try shape.modules(matching: [pattern]).map(\.name) == [shape.head])
    }

    @Test func aConv1DIsNotDecomposed() throws {
        let error = try #require(throws: KernelError.self) {
            _ = try LanguageScene(model: .gpt2, patterns: ["*.c_attn"]).decomposition()
        }
        #expect(error.description.contains("'transformer.h.0.attn.c_attn', a Conv1D"), "\(error)")
    }

    @Test func embeddingReconTakesOneEmbeddingAlone() throws {
        for patterns in [["*.mlp.*_proj"], ["model.embed_tokens", "lm_head"]] {
            let scene = LanguageScene(model: .llama, patterns: patterns, coefficients: LanguageScene.embeddingLoss)
            let error = try #require(throws: KernelError.self) { _ = try scene.decomposition() }
            #expect(error.description.hasPrefix("embedding_recon_coeff: exactly one module"))
        }
    }

    @Test func unknownTokensAndLongRowsAreRefused() throws {
        let model = try LanguageScene.Model.gpt2.transformer()
        #expect(throws: KernelError.invalidSettings("there is no token 13; the model has 13, from 0")) {
            _ = try model.logits(of: TokenBatch(rows: 1, length: 2, tokens: [0, 13]), threads: 1)
        }
        #expect(throws: KernelError.invalidSettings("rows of 9 tokens are longer than the model's 8 positions")) {
            _ = try model.logits(of: TokenBatch(rows: 1, length: 9, tokens: Array(repeating: 0, count: 9)), threads: 1)
        }
    }

    /// The mean over no predictions is no number, least of all 0.
    @Test func aSinglePlaceHasNoCrossEntropy() throws {
        for (rows, expected) in [(1, 0), (2, 4)] {
            let scene = LanguageScene(model: .llama, patterns: ["lm_head"], rows: rows, length: 1)
            let report = try scene.decomposition().evaluate()
            #expect(report.measures.count { $0.name.hasSuffix("_ce_loss_vs_labels") } == expected)
        }
    }

    @Test(arguments: [
        (Float(0.125), "0.12"), (0.375, "0.38"), (0.145, "0.14"), (0.1, "0.10"), (1.006, "1.01"), (0.999, "1.00"),
    ])
    func samplesAreRoundedAsCDoes(value: Float, text: String) {
        #expect(TwoDecimals.text(Double(value)) == text)
    }
}
