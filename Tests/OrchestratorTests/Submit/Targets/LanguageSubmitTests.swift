import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator
@testable import StandInWandB

/// Language models that no agent could run are refused before anything is stored, by a dry run too.
struct LanguageSubmitTests {
    let bench: Workbench

    init() throws { bench = try Workbench(adding: TrainingEndToEndTests.realWorker) }

    private func refusal(replacing old: String, with new: String, _ options: [String] = []) async throws -> String {
        let config = try await bench.orchestrator(["experiments", "ss_emb"]).output.replacing(old, with: new)
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", try bench.write(config, to: "own.yaml")] + options,
            adding: ["HF_HUB_OFFLINE": "1", "HF_HOME": bench.path + "/hf"])
        #expect(answer.code == 2)
        #expect(bench.files().isEmpty)
        return answer.error
    }

    @Test(arguments: [[], ["--dry-run"]])
    func aNameThatNoCacheKnowsIsToldWithItsPlace(options: [String]) async throws {
        let told = try await refusal(
            replacing: "pretrained_model_name_hf: SimpleStories/SimpleStories-1.25M",
            with: "pretrained_model_name_hf: nobody/no-such-model", options)
        #expect(told.contains(/own.yaml:\d+:1: pretrained_model_name_hf: nobody\/no-such-model is not in the caches/))
        #expect(told.contains("HF_HUB_OFFLINE forbids downloading it"))
    }

    @Test(arguments: [".", "no/folder"]) func aFolderWithoutAModelIsToldByItsKey(folder: String) async throws {
        let told = try await refusal(
            replacing: "pretrained_model_name_hf: SimpleStories/SimpleStories-1.25M",
            with: "pretrained_model_path: \(folder)", ["--dry-run"])
        #expect(told.contains(/own.yaml:\d+:1: pretrained_model_path: .*config.json/), "\(told)")
        #expect(!told.contains("HF_HUB_OFFLINE"), "\(told)")
    }

    @Test func whatEndsTheProgramThatBringsAModelIsTold() async throws {
        let killed = try bench.writeProgram(
            """
            case "$*" in
            "fetch-language --check") echo '{}' ;;
            fetch-language) kill -9 $$ ;;
            *) exec "\(Workbench.products)/worker" "$@" ;;
            esac
            """, to: "killed")
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "ss_emb", "--executor", "local"], adding: ["SPD_WORKER": killed])
        #expect(answer.code == 1)
        #expect(
            answer.error.contains("it was ended by signal 9); nothing was stored"),
            "\(answer.error)")
    }

    /// A language model that is trained in a moment, decomposed in one matrix.
    static func experiment(steps: Int) -> String {
        """
        C: 8
        n_mask_samples: 1
        n_ci_mlp_neurons: 0
        target_module_patterns: [model.layers.0.mlp.up_proj]
        faithfulness_coeff: 1
        stochastic_recon_layerwise_coeff: 1
        importance_minimality_coeff: 0.001
        pnorm: 2
        output_loss_type: kl
        lr: 0.001
        steps: \(steps)
        batch_size: 2
        n_eval_steps: 1
        print_freq: 50
        log_ce_losses: true
        pretrained_model_class: transformers.LlamaForCausalLM
        pretrained_model_path: train:tiny
        task_config: {task_name: lm, max_seq_len: 8, dataset_name: train:tiny, column_name: text}
        """
    }
    static let target = """
        lm_model_config:
          {vocab_size: 512, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2,
           num_key_value_heads: 1}
        batch_size: 2
        max_seq_len: 8
        steps: 5
        lr: 0.003
        """

    @Test func theTextThatATargetLearnsIsFoundBesideItsConfigAndCopied() async throws {
        let text = (0..<20).map { "the cat sat on mat number \($0) and slept\n" }.joined()
        _ = try bench.write(text, to: "configs/texts/cats.txt")
        _ = try bench.write(Self.target + "\ntext_file: texts/cats.txt\n", to: "configs/tiny_target.yaml")
        let config = try bench.write(Self.experiment(steps: 2), to: "configs/tiny.yaml")
        let submit = ["submit", "--experiments", config, "--executor", "local"]

        let answer = try await bench.orchestrator(submit + ["--watch"])

        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        let targets = bench.cache + "/targets"
        let names = try FileManager.default.contentsOfDirectory(atPath: targets)
        let copy = try #require(names.first { $0.hasPrefix("text-") && $0.hasSuffix(".txt") })
        #expect(try String(contentsOfFile: targets + "/" + copy, encoding: .utf8) == text)
        let model = try #require(names.first { $0.hasPrefix("lm-") && !$0.hasSuffix(".lock") })
        let learnt = try String(contentsOfFile: "\(targets)/\(model)/text/train.jsonl", encoding: .utf8)
        #expect(learnt.contains("the cat sat on mat number 7 and slept"))

        // Another text by the same name is another target; without one nothing is stored.
        try FileManager.default.removeItem(atPath: bench.path + "/configs/texts/cats.txt")
        let refused = try await bench.orchestrator(submit + ["--dry-run"])
        #expect(refused.code == 2)
        #expect(refused.error.contains("text_file: "), "\(refused.error)")
        #expect(refused.error.contains("configs/texts/cats.txt: No such file or directory"), "\(refused.error)")
    }

    @Test(arguments: [
        ("dataset_name: train:tiny", "dataset_name: train:other", "dataset_name: found train:other, but"),
        ("column_name: text", "column_name: story", "column_name: found story"),
        ("column_name: text", "column_name: text, train_data_split: dev", "train_data_split: found dev; the text of"),
        (
            "column_name: text", "column_name: text, eval_data_split: 'test[:10%]'",
            "eval_data_split: found test[:10%]; slices of a split are not supported"
        ),
    ])
    func textThatATrainedTargetDoesNotHaveIsRefused(old: String, new: String, complaint: String) async throws {
        _ = try bench.write(Self.target, to: "tiny_target.yaml")
        let config = try bench.write(Self.experiment(steps: 2).replacing(old, with: new), to: "tiny.yaml")

        let answer = try await bench.orchestrator(["submit", "--experiments", config, "--executor", "local"])

        #expect(answer.code == 2)
        #expect(answer.error.contains("tiny.yaml:"), "\(answer.error)")
        #expect(answer.error.contains("task_config." + complaint), "\(answer.error)")
        #expect(bench.files().isEmpty)
    }

    @Test(arguments: [
        ("story", "train", "column_name: ", "has no column 'story'; it has 'text'"),
        ("text", "test", "train_data_split: ", "has no split 'test'; it has 'train'"),
        ("text", "train, eval_data_split: dev", "eval_data_split: ", "has no split 'dev'; it has 'train'"),
    ])
    func whichColumnsAndSplitsThereAreIsRead(
        column: String, split: String, key: String, complaint: String
    ) async throws {
        // given a model's folder that is whole but for its data
        _ = try bench.write("{\"text\": \"a b\"}\n", to: "data/train.jsonl")
        let config = try await configOfATrainedModel()
            .replacing("column_name: text", with: "column_name: \(column), train_data_split: \(split)")

        let path = try bench.write(config, to: "own.yaml")

        for command in [["submit", "--dry-run", "--experiments", path], ["run", path]] {
            let answer = try await bench.orchestrator(command, adding: ["HF_HUB_OFFLINE": "1"])
            #expect(answer.code == 2, "\(answer.output)")
            #expect(answer.error.contains(key) && answer.error.contains(complaint), "\(answer.error)")
            #expect(bench.files().isEmpty)
        }
    }

    /// Agents could neither find nor download it.
    @Test func aTextBesideATrainedTargetHasToBeThere() async throws {
        _ = try bench.write(Self.target, to: "tiny_target.yaml")
        let text = Self.experiment(steps: 2).replacing("dataset_name: train:tiny", with: "dataset_name: org/texts")
        let submit = ["submit", "--experiments", try bench.write(text, to: "tiny.yaml"), "--executor", "local"]

        for options in [["--dry-run"], []] {
            let answer = try await bench.orchestrator(submit + options, adding: ["HF_HUB_OFFLINE": "1"])
            #expect(answer.code == 2, "\(answer.output)")
            #expect(
                answer.error.contains(#/tiny.yaml:\d+:\d+: task_config.dataset_name: org\/texts is not in the caches/#),
                "\(answer.error)")
            #expect(bench.files().isEmpty)
        }

        let rows = (0..<40).map { "{\"text\": \"ada met ben number \($0) .\"}\n" }.joined()
        let hub = try StandInHub(files: ["train.jsonl": Data(rows.utf8)])
        defer { hub.stop() }
        let answer = try await bench.orchestrator(submit + ["--watch"], adding: ["HF_ENDPOINT": hub.endpoint])
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        #expect(answer.output.contains("1 of 1 done"), "\(answer.output)")

        let other = try bench.write(
            text.replacing("column_name: text", with: "column_name: text, train_data_split: dev"), to: "dev.yaml")
        let refused = try await bench.orchestrator(
            ["submit", "--experiments", other, "--dry-run"], adding: ["HF_ENDPOINT": hub.endpoint])
        #expect(refused.error.contains("task_config.train_data_split: "), "\(refused.error)")
        #expect(refused.error.contains("has no split 'dev'; it has 'train'"), "\(refused.error)")
    }

    /// Nor is anything encoded for weights that will not do.
    @Test func weightsThatAreCutOffLeaveNoEncodedText() async throws {
        _ = try await configOfATrainedModel()
        var files: [String: Data] = ["train.jsonl": Data("{\"text\": \"ada met ben .\"}\n".utf8)]
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
            files[name] = try Data(contentsOf: URL(filePath: bench.path + "/model/" + name))
        }
        files["model.safetensors"] = files["model.safetensors"]?.dropLast(100)
        let hub = try StandInHub(files: files)
        defer { hub.stop() }
        let config = Self.experiment(steps: 2)
            .replacing("pretrained_model_path: train:tiny", with: "pretrained_model_name_hf: org/tiny")
            .replacing("train:tiny", with: "org/texts").replacing("max_seq_len: 8", with: "max_seq_len: 1")

        let answer = try await bench.orchestrator(
            ["submit", "--experiments", try bench.write(config, to: "own.yaml"), "--executor", "local"],
            adding: ["HF_ENDPOINT": hub.endpoint])

        #expect(answer.code == 2, "\(answer.output)")
        #expect(answer.error.contains(#/pretrained_model_name_hf: .*model.safetensors/#), "\(answer.error)")
        #expect(!FileManager.default.fileExists(atPath: bench.cache + "/tokens"))
    }

    /// A config that names a model's folder, which is there, and a folder `data`, which is not.
    private func configOfATrainedModel() async throws -> String {
        _ = try bench.write(Self.target, to: "tiny_target.yaml")
        let model = bench.path + "/model"
        let trained = try await bench.run(
            Workbench.products + "/worker", ["train-target", bench.path + "/tiny_target.yaml", "--out", model])
        try #require(trained.code == 0, "\(trained.error)")
        return Self.experiment(steps: 2)
            .replacing("train:tiny\ntask", with: "\(model)\ntask")
            .replacing("train:tiny", with: "\(bench.path)/data")
    }

    @Test func anEmbeddingsLossOnOtherModulesIsRefused() async throws {
        _ = try bench.write("{\"text\": \"a b\"}\n", to: "data/train.jsonl")
        let config = try await configOfATrainedModel()
        // The first is as it should be: both have to be looked at.
        let both = ["submit", "--dry-run", "--experiments", try bench.write(config, to: "first.yaml"), "--experiments"]

        let answer = try await bench.orchestrator(
            both + [try bench.write(config + "\nembedding_recon_coeff: 1\n", to: "own.yaml")],
            adding: ["HF_HUB_OFFLINE": "1"])

        #expect(answer.code == 2, "\(answer.output)")
        let place = #/own.yaml:\d+:1: embedding_recon_coeff: exactly one module may be decomposed for it, an Embedding/#
        #expect(answer.error.contains(place), "\(answer.error)")
        #expect(bench.files().isEmpty)
    }

    /// Its columns are not to blame.
    @Test func aDamagedFileIsToldByTheKeyThatNamesIt() async throws {
        _ = try bench.write("PAR1", to: "data/train.parquet")
        let config = try await configOfATrainedModel()

        let answer = try await bench.orchestrator(
            ["submit", "--experiments", try bench.write(config, to: "own.yaml"), "--dry-run"],
            adding: ["HF_HUB_OFFLINE": "1"])

        #expect(answer.code == 2, "\(answer.output)")
        #expect(answer.error.contains("task_config.dataset_name: "), "\(answer.error)")
        #expect(answer.error.contains("train.parquet: it is too short for a Parquet file"), "\(answer.error)")
    }

    @Test func whatComesFromTheHubIsToldByTheKeyThatNamesIt() async throws {
        let hub = try StandInHub(files: [
            "config.json": Data("{\"architectures\": [\"LlamaForCausalLM\"]}".utf8),
            "model.safetensors": Data("no weights".utf8), "tokenizer.json": Data("{}".utf8),
            "train.jsonl": Data("{\"text\": \"a b\"}\n".utf8),
        ])
        defer { hub.stop() }
        let config = Self.experiment(steps: 2)
            .replacing("pretrained_model_path: train:tiny", with: "pretrained_model_name_hf: org/tiny")
            .replacing("train:tiny", with: "org/texts")

        let answer = try await bench.orchestrator(
            ["submit", "--experiments", try bench.write(config, to: "own.yaml"), "--executor", "local"],
            adding: ["HF_ENDPOINT": hub.endpoint])

        #expect(answer.code == 2, "\(answer.output)")
        #expect(
            answer.error.contains(
                /own.yaml:\d+:1: pretrained_model_name_hf: .*tokenizer.json: expected a member "model"/),
            "\(answer.error)")
    }

    /// Found only where the whole text is read, and still one message: file, line, key, what is expected, what there is.
    @Test(
        arguments: [
            ("{\"text\": \"ada met ben .\"}\n", "the split 'train' of ", "which make 1 row of 4"),
            ("{\"text\": \"ada\"}\n{\"text\": 5}\n", "", "line 2: expected a text or null as 'text'"),
        ], [false, true])
    func textThatWillNotDoIsOneMessage(
        _ text: (lines: String, start: String, complaint: String), hasFigures: Bool
    ) async throws {
        let (lines, start, complaint) = text
        _ = try bench.write(lines, to: "data/train.jsonl")
        // The other split is as it should be, and encoded first.
        _ = try bench.write("{\"text\": \"ada met ben and a fox and a dog and a cat .\"}\n", to: "data/test.jsonl")
        let config = try await configOfATrainedModel()
            .replacing("max_seq_len: 8", with: "max_seq_len: 4")
            .replacing("print_freq: 50", with: hasFigures ? "print_freq: 50\nimage_freq: 1" : "print_freq: 50")

        let answer = try await bench.orchestrator(
            ["submit", "--experiments", try bench.write(config, to: "own.yaml"), "--executor", "local"],
            adding: ["HF_HUB_OFFLINE": "1"])

        #expect(answer.code == 2, "\(answer.output)")
        let message = answer.error.split(separator: "\n").filter { $0.hasPrefix("orchestrator: ") }
        #expect(message.count == 1 && !answer.error.contains("worker: "), "\(answer.error)")
        #expect(message.first?.contains(#/own.yaml:\d+:\d+: /#) == true, "\(answer.error)")
        #expect(message.first?.contains("task_config.dataset_name: " + start) == true, "\(answer.error)")
        #expect(message.first?.contains(complaint) == true, "\(answer.error)")
        #expect(message.first?.hasSuffix("nothing was stored") == true, "\(answer.error)")
        for name in ["jobs", "runs", "tokens"] {
            let left = try? FileManager.default.contentsOfDirectory(atPath: bench.cache + "/" + name)
            #expect(left ?? [] == [])
        }
    }
}
