import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

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
        #expect(told.contains("HF_HUB_OFFLINE forbids to download it"))
    }

    @Test func aFolderWithoutAModelIsToldByItsKey() async throws {
        let told = try await refusal(
            replacing: "pretrained_model_name_hf: SimpleStories/SimpleStories-1.25M",
            with: "pretrained_model_path: .", ["--dry-run"])
        #expect(told.contains(/own.yaml:\d+:1: pretrained_model_path: .*config.json/), "\(told)")
    }
}
