import Artifacts
import Foundation
import Glibc
import Synchronization
import Testing

@testable import Orchestrator
@testable import StandInWandB

/// kill -9 while a language model's files come or its text is encoded: the next `submit` ends as an undisturbed one.
struct KilledFetchTests {
    private let bench: Workbench

    init() throws { bench = try Workbench(adding: TrainingEndToEndTests.realWorker) }

    /// A model on a hub, with stories of some size.
    private func hub(stories: Int) async throws -> StandInHub {
        _ = try bench.write(LanguageSubmitTests.target, to: "tiny_target.yaml")
        let model = bench.path + "/model"
        let trained = try await bench.run(
            Workbench.products + "/worker", ["train-target", bench.path + "/tiny_target.yaml", "--out", model])
        try #require(trained.code == 0, "\(trained.error)")
        var files: [String: Data] = [:]
        for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
            files[name] = try Data(contentsOf: URL(filePath: model + "/" + name))
        }
        files["train.jsonl"] = Data(
            (0..<stories).map { "{\"text\": \"ada met ben and number \($0) .\"}\n" }.joined().utf8)
        return try StandInHub(files: files)
    }

    private func submission() throws -> [String] {
        let config = LanguageSubmitTests.experiment(steps: 2)
            .replacing("pretrained_model_path: train:tiny", with: "pretrained_model_name_hf: org/tiny")
            .replacing("train:tiny", with: "org/texts")
        return ["submit", "--experiments", try bench.write(config, to: "own.yaml"), "--executor", "local"]
    }

    private func environment(_ hub: StandInHub, _ cache: String) -> [String: String] {
        ["HF_ENDPOINT": hub.endpoint, "SPD_CACHE_DIR": bench.path + "/" + cache]
    }

    /// The names below a cache's folder.
    private func names(_ folder: String, of cache: String) -> [String] {
        let path = "\(bench.path)/\(cache)/\(folder)"
        return (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).sorted()
    }

    private func wait(for what: String, _ condition: () throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while try !condition() {
            try #require(.now < end, "\(what) did not happen")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Submits in a cache of its own and in the one where something was killed: both end with the same bytes.
    private func expectTheSame(_ hub: StandInHub) async throws {
        for cache in ["killed", "calm"] {
            let answer = try await bench.orchestrator(
                try submission() + ["--watch"], adding: environment(hub, cache))
            #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        }
        for folder in ["tokens", "hub"] {
            let (killed, calm) = (names(folder, of: "killed"), names(folder, of: "calm"))
            #expect(killed == calm && !calm.isEmpty)
            for name in calm {
                var isFolder: ObjCBool = false
                let path = "\(bench.path)/calm/\(folder)/\(name)"
                if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { continue }
                #expect(
                    try Data(contentsOf: URL(filePath: path))
                        == Data(contentsOf: URL(filePath: "\(bench.path)/killed/\(folder)/\(name)")), "\(name)")
            }
        }
        let left = try await bench.orchestrator(["clean"], adding: environment(hub, "killed"))
        #expect(left.output.contains("There is nothing to delete."), "\(left.output)")
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["model.safetensors", "train.jsonl"])
    func aDownloadThatWasKilledIsResumed(file: String) async throws {
        let hub = try await hub(stories: 400)
        defer { hub.stop() }
        hub.state.withLock { ($0.cutFile, $0.cuts) = (file, [5000] + Array(repeating: 1, count: 100)) }

        let submit = try bench.start(try submission(), adding: environment(hub, "killed"))
        let repository =
            bench.path + "/killed/hub/" + (file == "train.jsonl" ? "datasets--org--texts" : "models--org--tiny")
        let commit = hub.state.withLock { $0.commit }
        let incomplete = "\(repository)/blobs/\(commit)-\(SHA256.hex(file).prefix(16)).incomplete"
        try await wait(for: "a download") {
            var info = stat()
            return stat(incomplete, &info) == 0 && info.st_size >= 5000
        }
        kill(submit.processIdentifier, SIGKILL)
        submit.waitUntilExit()
        // The worker that downloads ends with who waits for it.
        try await wait(for: "the worker's end") {
            guard let lock = try FileLock(path: repository + "/.lock") else { return false }
            lock.release()
            return true
        }
        #expect(names("jobs", of: "killed") == [])
        let shown = try await bench.orchestrator(["clean"], adding: environment(hub, "killed"))
        #expect(shown.output.contains("a file of a download that was not finished"), "\(shown.output)")
        hub.state.withLock { ($0.cuts, $0.seen) = ([], []) }

        try await expectTheSame(hub)

        let first = hub.state.withLock { $0.seen }.first { $0.isSecondServer && $0.path.contains(file) }
        #expect(first?.range?.hasPrefix("bytes=5") == true, "\(String(describing: first))")
    }

    @Test(.timeLimit(.minutes(10)))
    func textWhoseEncodingWasKilledIsEncodedAnew() async throws {
        let hub = try await hub(stories: 60_000)
        defer { hub.stop() }
        let submit = try bench.start(try submission(), adding: environment(hub, "killed"))
        var worker: pid_t?
        try await wait(for: "encoding") {
            worker =
                names("tokens", of: "killed").lazy
                .compactMap { $0.wholeMatch(of: /[0-9a-f]{32}\.(\d+)\.tmp/) }.compactMap { pid_t($0.1) }.first
            return worker != nil
        }
        kill(try #require(worker), SIGKILL)
        submit.waitUntilExit()

        #expect(submit.terminationStatus == 1)
        #expect(names("jobs", of: "killed") == [])
        try #require(names("tokens", of: "killed").contains { $0.hasSuffix(".tmp") }, "it was over before the kill")
        let shown = try await bench.orchestrator(["clean"], adding: environment(hub, "killed"))
        #expect(shown.output.contains("a text whose tokenizing was not finished"), "\(shown.output)")

        try await expectTheSame(hub)
    }
}
