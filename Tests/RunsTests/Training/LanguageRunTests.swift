import Artifacts
import Experiments
import Figures
import Foundation
import JSON
import Kernels
import Layout
import TestFiles
import Testing

@testable import Runs

/// Runs that decompose a small language model which is trained on the way.
struct LanguageRunTests {
    private static let target = """
        lm_model_config: {vocab_size: 512, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2,
          num_attention_heads: 2, num_key_value_heads: 1, tie_word_embeddings: true}
        batch_size: 8
        max_seq_len: 16
        steps: 30
        lr: 0.01
        """

    private func plan(
        _ folder: TemporaryFolder, run: String = "run", threads: Int = 1,
        module: String = "model.layers.1.mlp.gate_proj",
        extra: String = ""
    ) throws -> RunPlan {
        let config = """
            wandb_project: null
            C: 6
            n_mask_samples: 1
            n_ci_mlp_neurons: 0
            target_module_patterns: [\(module)]
            faithfulness_coeff: 1
            stochastic_recon_layerwise_coeff: 1
            importance_minimality_coeff: 0.001
            pnorm: 2
            output_loss_type: kl
            lr: 0.01
            steps: 12
            batch_size: 4
            n_eval_steps: 2
            print_freq: 4
            log_ce_losses: true
            pretrained_model_class: transformers.LlamaForCausalLM
            pretrained_model_path: train:tiny
            task_config: {task_name: lm, max_seq_len: 16, dataset_name: train:tiny, column_name: text}
            \(extra)
            """
        return RunPlan(
            id: run, experiment: "tiny", config: try ExperimentConfig.load(yaml: config, source: "test"),
            target: try TargetConfig.load(yaml: Self.target, source: "test target"),
            folder: RunFolder(path: folder.path + "/" + run),
            targets: TargetCache(folder: TargetsFolder(path: folder.path + "/targets")), threads: threads,
            checkpointInterval: .seconds(300))
    }

    @Test func aModelThatDoesNotFitIsRefusedBeforeItsWeightsAreRead() throws {
        let folder = try TemporaryFolder()
        var plan = try plan(folder)
        // Its shape alone is here: weights would be missed if they were looked for.
        let model = folder.path + "/model"
        try DurableFile.createFolder(model)
        try DurableFile.write(
            #"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 16, "#
                + #""intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "#
                + #""max_position_embeddings": 16, "tie_word_embeddings": true}"#, to: model + "/config.json")
        let sources = LanguageSources(model: model, training: "/nowhere", evaluation: nil)
        plan.targetFiles = try sources.write(to: CacheFolder(path: folder.path))
        plan.target = nil
        plan.config = try plan.config.setting("C", to: .int(500_000_000))
        let error = #expect(throws: RunError.self) {
            try Example.perform(
                plan,
                changing: { hooks in
                    hooks.admit = { (bytes: Int) throws(RunError) in
                        try MemoryGate.check(bytes, [MemoryLimit(total: 4 << 30, free: 4 << 30, owner: "this machine")])
                        return true
                    }
                })
        }
        #expect(error?.description.contains("of memory") == true)
    }

    // What is sure to be allocated is counted: between two thirds of it and half as much again.
    @Test(arguments: [("model.layers.*.mlp.gate_proj", 20_000), ("model.embed_tokens", 10_000), ("lm_head", 10_000)])
    func theEstimateIsNearTheTruth(module: String, subcomponents: Int) throws {
        let folder = try TemporaryFolder()
        var plan = try plan(folder, module: module)
        plan.config = try plan.config.setting("C", to: .int(subcomponents)).setting("batch_size", to: .int(32))
        let training = try #require(plan.target)
        let shape = try #require(LanguageTargetFolder(training)).shape()
        let text = try #require(plan.config.taskConfig.text)
        let target = LanguageRunTarget(
            rough: try LanguageTargetFolder.rough(shape), text: text, training: training)
        let before = try MemoryGateTests.residentBytes()
        let decomposition = try target.decomposition(plan.config, threads: 1)
        try decomposition.advance(reporting: false)
        let state = decomposition.state
        let used = Double(try MemoryGateTests.residentBytes() - before)
        let said = Double(try #require(try RunMemory.bytes(of: plan.config, training: training, threads: 1)))
        #expect(said > used * 0.66 && said < used * 1.6, "\(said / 1e6) MB for \(used / 1e6) MB, \(state.step)")
    }

    @Test func aTextsTokensTellWhichSubcomponentsMatter() throws {
        let folder = try TemporaryFolder()
        let plan = try plan(folder, module: "model.layers.*.mlp.gate_proj")
        try Example.perform(plan)
        let before = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        func explain(_ text: LanguageExplanation.Text) throws -> JSONValue {
            let explanation = try LanguageExplanation(
                plan.config, target: plan.target, targetFiles: nil, weights: plan.folder.model(step: 12), text: text,
                cache: CacheFolder(path: folder.path), threads: 1)
            return try JSONValue(parsing: explanation.json(of: text))
        }

        let answer = try explain(.rows(first: 1, count: 3))

        #expect(answer["subcomponents"]?.integer == 6)
        let rows = try #require(answer["rows"]?.elements)
        #expect(rows.count == 3 && rows.allSatisfy { $0.elements?.count == 16 })
        let modules = try #require(answer["modules"]?.elements)
        #expect(modules.compactMap { $0["name"]?.string } == (0...1).map { "model.layers.\($0).mlp.gate_proj" })
        for module in modules {
            let places = try #require(module["places"]?.elements).flatMap { $0.elements ?? [] }
            #expect(places.count == 3 * 16)
            for pairs in places.compactMap(\.elements) {
                let numbers = pairs.compactMap(\.double)
                let components = stride(from: 0, to: numbers.count, by: 2).map { numbers[$0] }
                let values = stride(from: 1, to: numbers.count, by: 2).map { numbers[$0] }
                #expect(components.allSatisfy { (0..<6).contains($0) } && Set(components).count == components.count)
                #expect(values.allSatisfy { (0.01...1).contains($0) } && values == values.sorted(by: >))
            }
        }
        // A row is the same whatever stands beside it, and a typed text whatever row it has.
        #expect(try explain(.rows(first: 2, count: 1))["rows"]?.elements?.first == rows[1])
        let typed = try explain(.typed("one day they were"))
        #expect(typed["rows"]?.elements?.count == 1)
        #expect(throws: RunError.self) { try explain(.typed("  ")) }
        #expect(throws: RunError.self) { try explain(.rows(first: 1_000_000, count: 1)) }
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted() == before, "nothing is written")
    }

    @Test func itsFiguresShowTheTextsOwnWords() throws {
        let folder = try TemporaryFolder()
        let plan = try plan(folder, module: "model.embed_tokens", extra: "figures: last")
        try Example.perform(plan)
        let figures = try DrawnFigures(contentsOf: plan.folder.figures(step: 12)).figures
        #expect(
            figures.map(\.name).suffix(5) == [
                "active_subcomponents", "component_examples_model_embed_tokens", "active_per_token", "embedding_masks",
                "first_token_histogram",
            ])
        let map = try #require(figures.first { $0.name == "embedding_masks" }?.arrays.first)
        #expect(map.shape == [300, 6], "the strongest 300 of 512 tokens")
        let panel = try #require(figures.first { $0.name == "active_per_token" }?.panels.first)
        let table = if case .table(let table) = panel { table } else { Table(title: "", columns: [], rows: []) }
        #expect(table.rows.map { $0[1] }.contains { $0.count > 1 && !$0.hasPrefix("#") }, "words, not numbers")
    }

    @Test func aRunThatDrewNothingIsDrawnAsItWouldHaveDrawn() throws {
        let folder = try TemporaryFolder()
        let plan = try plan(
            folder, module: "model.embed_tokens",
            extra: "figures: last\nuser_figures: {shares: {histogram: \"ci['model.embed_tokens']\"}}")
        try Example.perform(plan)
        let drawn = try DrawnFigures(contentsOf: plan.folder.figures(step: 12)).figures
        try FileManager.default.removeItem(atPath: plan.folder.figures(step: 12))
        let cache = CacheFolder(path: folder.path)
        let before = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        func anew(_ targetFiles: String? = nil) throws -> [Figure] {
            try LanguageWeightsFigures(
                config: plan.config, training: plan.target, targetFiles: targetFiles, cache: cache, threads: 2
            ).figures(of: PublishedWeights(path: plan.folder.model(step: 12)), step: 12, corner: "run, step 12")
        }

        let figures = try anew()

        #expect(figures.map(\.name) == drawn.map(\.name) && figures.contains { $0.name == "user/shares" })
        for (figure, other) in zip(figures, drawn) {
            #expect(figure.corner == other.corner && figure.arrays.map(\.name) == other.arrays.map(\.name))
            for (array, its) in zip(figure.arrays, other.arrays) {
                let worst = zip(array.values, its.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
                #expect(worst < 1e-4, "\(figure.name)/\(array.name) differs by \(worst)")
            }
        }
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted() == before, "nothing is written")

        // A spec without figures names no eval split.
        let model = cache.targets.target(
            kind: try #require(plan.target).kind.tag, digest: SHA256.hex(try #require(plan.target).canonicalJSON()))
        let tokens = try FileManager.default.contentsOfDirectory(atPath: cache.tokens).map { cache.tokens + "/" + $0 }
        let training = try #require(tokens.first { FileManager.default.fileExists(atPath: $0 + "/info.json") })
        let files = try LanguageSources(model: model, training: training, evaluation: nil).write(to: cache)
        #expect(try anew(files).allSatisfy { $0.corner == "run, step 12, of its training text" })

        try FileManager.default.removeItem(atPath: model)
        let error = #expect(throws: RunError.self) { try anew() }
        #expect(error?.description.contains("is not in \(model) any more; `orchestrator run`") == true)
    }

    @Test func itTrainsItsTargetEncodesTheTextAndEnds() throws {
        let folder = try TemporaryFolder()
        let plan = try plan(folder)
        guard case .finished(let metrics) = try Example.perform(plan) else {
            Issue.record("it did not end")
            return
        }
        #expect(metrics["loss/faithfulness"] != nil && metrics["loss/stochastic_recon_layerwise"] != nil)
        for name in ["unmasked", "masked", "target", "zero_masked"] {
            #expect(metrics["misc/\(name)_ce_loss_vs_labels"] != nil, "\(name)")
        }
        let rows = try String(contentsOfFile: plan.folder.metrics, encoding: .utf8).split(separator: "\n")
        #expect(try rows.map { try JSONValue(parsing: String($0))["misc/step"]?.integer } == [0, 4, 8, 12])
        let model = try SafeTensors(contentsOf: plan.folder.model(step: 12))
        #expect(model.arrays["components.model-layers-1-mlp-gate_proj.V"]?.shape == [16, 6])
        #expect(model.arrays["model.lm_head.weight"] != nil)
    }

    @Test func interruptedOrOnMoreThreadsItGivesTheSameBytes() throws {
        let folder = try TemporaryFolder()
        let calm = try plan(folder, run: "calm")
        try Example.perform(calm)
        let hurried = try plan(folder, run: "hurried", threads: 2)
        guard case .interrupted = try Example.perform(hurried, stopAfter: 6) else {
            Issue.record("it was not interrupted")
            return
        }
        try Example.perform(hurried)
        for name in ["model_12.safetensors", "metrics.jsonl"] {
            #expect(try Example.bytes(calm, name) == Example.bytes(hurried, name), "\(name)")
        }
    }

    @Test func anEmbeddingIsDecomposedToo() throws {
        let folder = try TemporaryFolder()
        let plan = try plan(folder, module: "model.embed_tokens", extra: "image_freq: 6")
        try Example.perform(plan)
        let model = try SafeTensors(contentsOf: plan.folder.model(step: 12))
        #expect(model.arrays["components.model-embed_tokens.V"]?.shape == [512, 6])
    }

    @Test(arguments: [
        ("model.layers.1", "target_module_patterns"), ("model.norm", "target_module_patterns"),
        ("model.layers.9.mlp.up_proj", "target_module_patterns"),
    ]) func whatCannotBeDecomposedIsRefusedByItsKey(module: String, key: String) throws {
        let folder = try TemporaryFolder()
        let plan = try plan(folder, module: module)
        let error = #expect(throws: RunError.self) { try Example.perform(plan) }
        #expect(error?.description.hasPrefix(key) == true, "\(error?.description ?? "")")
    }

    @Test func tooLittleTextIsToldWithItsNumbers() throws {
        let folder = try TemporaryFolder()
        try DurableFile.write("{\"text\": \"ada met ben .\"}\n", to: folder.path + "/train.jsonl")
        var plan = try plan(folder)
        plan.config = try plan.config.setting("task_config.dataset_name", to: .string(folder.path + "/train.jsonl"))
        let error = #expect(throws: RunError.self) { try Example.perform(plan) }
        #expect(error?.description.contains("4 tokens in 1 document, which make 0 rows of 16") == true)
    }
}
