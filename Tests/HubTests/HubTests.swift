import Artifacts
import Foundation
import Synchronization
import Testing
import TextData

@testable import Hub
@testable import StandInWandB

/// Models and data sets by name, against a hub on loopback.
struct HubTests {
    @Test func aModelIsDownloadedOnceAndPinnedToItsCommit() throws {
        try withHub(environment: ["HF_TOKEN": "hf_sesame"]) { server, hub, home in
            let kept1 = try hub.localModel("org/Small-1M")
            #expect(kept1 == nil)
            let model = try hub.model("org/Small-1M")
            let commit = server.state.withLock { $0.commit }
            #expect(model.commit == commit)
            #expect(model.folder == home + "/ours/models--org--Small-1M/snapshots/" + commit)
            #expect(try Data(contentsOf: URL(filePath: model.folder + "/model.safetensors")) == HubScene.weights)
            let names = try FileManager.default.contentsOfDirectory(atPath: model.folder).sorted()
            #expect(names == ["config.json", "model.safetensors", "tokenizer.json"])
            let requests = server.state.withLock { $0.seen.count }
            #expect(try hub.model("org/Small-1M") == model)
            #expect(server.state.withLock { $0.seen.count } == requests)
        }
    }

    /// Something that cannot be listed or read by anybody, root included: a link to itself.
    private func block(_ path: String) throws {
        try DurableFile.createFolder((path as NSString).deletingLastPathComponent)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
    }

    @Test func aTokenFileThatCannotBeReadIsTold() throws {
        try withHub { _, _, home in
            try DurableFile.createFolder(home + "/.cache/huggingface/token")
            let settings = HubSettings(environment: ["HOME": home])
            #expect(settings.tokenSource == nil)
            #expect(settings.tokenProblem?.contains("/huggingface/token") == true)
        }
    }

    @Test func aTokenThatCannotBeOneIsToldAndNotShown() throws {
        try withHub(environment: ["HF_TOKEN": "hf_a b"]) { server, hub, _ in
            #expect(
                hub.settings.tokenProblem == "the token in HF_TOKEN is not used: expected one word of ASCII characters")
            server.state.withLock { $0.faults = [.init(status: 401, headers: [:])] }
            let said = refusal { _ = try hub.model("org/name") }
            #expect(said.contains("the token in HF_TOKEN is not used") && !said.contains("hf_a"))
        }
        #expect(HubSettings(environment: ["HF_TOKEN": "\u{FEFF}hf_word\r\n"]).tokenProblem == nil)
    }

    @Test(arguments: ["hub/models--org--name/snapshots", "hub/models--org--name/refs/main"])
    func aCacheThatCannotBeReadIsNotTakenForEmpty(path: String) throws {
        try withHub(environment: ["HF_HUB_OFFLINE": "1"]) { _, hub, home in
            try block(home + "/.cache/huggingface/" + path)
            #expect(refusal { _ = try hub.localModel("org/name") }.contains("cannot read"))
            #expect(refusal { try hub.checkModel("org/name") }.contains("cannot read"))
        }
        // Where requests may be made it is no obstacle.
        try withHub { _, hub, home in
            try block(home + "/.cache/huggingface/" + path)
            #expect(try hub.model("org/name").folder.hasPrefix(home + "/ours"))
        }
    }

    @Test func anIndexThatCannotBeReadIsTold() throws {
        try withHub(environment: ["HF_HUB_OFFLINE": "1"]) { _, hub, home in
            let snapshot = home + "/.cache/huggingface/hub/models--org--name/snapshots/0123456789abcdef"
            try DurableFile.createFolder(snapshot)
            try DurableFile.write("{}", to: snapshot + "/config.json")
            try DurableFile.write("<html>", to: snapshot + "/model.safetensors.index.json")
            #expect(refusal { _ = try hub.localModel("org/name") }.contains("model.safetensors.index.json"))
        }
    }

    @Test func tablesThatCannotBeListedAreNotTakenForNone() throws {
        try withHub(environment: ["HF_HUB_OFFLINE": "1"]) { _, hub, home in
            try block(home + "/.cache/huggingface/datasets/org___texts")
            #expect(refusal { _ = try hub.localFiles("org/texts", split: "train") }.contains("cannot read"))
            #expect(refusal { try hub.checkFiles("org/texts", split: "train") }.contains("cannot read"))
        }
    }

    @Test func theTokenGoesToTheHubAlone() throws {
        try withHub(environment: ["HF_TOKEN": "hf_sesame"]) { server, hub, _ in
            _ = try hub.model("org/name")
            let seen = server.state.withLock { $0.seen }
            #expect(seen.contains { $0.isSecondServer })
            for request in seen {
                #expect(request.authorization == (request.isSecondServer ? nil : "Bearer hf_sesame"))
            }
        }
    }

    @Test(arguments: [
        (401, "X", "is private or gated, or does not exist (401); put a token"),
        (403, "GatedRepo", "is gated: accept its terms"), (404, "RepoNotFound", "does not exist"),
    ]) func refusalsSayWhatToDo(status: Int, code: String, message: String) throws {
        try withHub { server, hub, _ in
            server.state.withLock { $0.faults = [.init(status: status, headers: ["X-Error-Code": code])] }
            #expect(refusal { _ = try hub.model("org/name") }.contains(message))
        }
    }

    @Test func checkingAModelDownloadsNothing() throws {
        try withHub { server, hub, home in
            server.state.withLock { $0.faults = [.init(status: 429, headers: ["Retry-After": "0"])] }
            try hub.checkModel("org/name")
            #expect(server.state.withLock { $0.seen.allSatisfy { $0.path.hasPrefix("/api/models/org/name") } })
            #expect(server.state.withLock { $0.seen.count } == 2)
            #expect(!FileManager.default.fileExists(atPath: home + "/ours"))
        }
        try withHub(["config.json": Data("{}".utf8)]) { _, hub, _ in
            #expect(refusal { try hub.checkModel("org/name") }.contains("no weights that can be read"))
        }
    }

    @Test(arguments: [
        (401, "X", "is private or gated, or does not exist (401)"), (403, "GatedRepo", "is gated"),
        (404, "RepoNotFound", "does not exist"),
    ]) func checksRefuseAsDownloadsDo(status: Int, code: String, message: String) throws {
        try withHub(["data/train.jsonl": Data("{}".utf8)], environment: ["HF_TOKEN": "secret-token"]) {
            server, hub, _ in
            let checks: [() throws -> Void] = [
                { try hub.checkModel("org/name") }, { _ = try hub.checkFiles("org/name", split: "train") },
            ]
            for check in checks {
                server.state.withLock { $0.faults = [.init(status: status, headers: ["X-Error-Code": code])] }
                let told = refusal(check)
                #expect(told.contains(message))
                #expect(!told.contains("secret-token"))
            }
        }
    }

    @Test func checkingADataSetTellsItsSplits() throws {
        try withHub(["data/train.jsonl": Data("{}".utf8), "data/test.jsonl": Data("{}".utf8)]) { server, hub, home in
            let here = try hub.checkFiles("org/name", split: "test")
            #expect(here == nil)
            let told = refusal { _ = try hub.checkFiles("org/name", split: "validation") }
            #expect(told.contains("has no split 'validation'; it has 'train', 'test'"))
            #expect(!server.state.withLock { $0.seen.contains { $0.path.contains("/resolve/") } })
            #expect(!FileManager.default.fileExists(atPath: home + "/ours"))
        }
    }

    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"] != nil,
            "SPD_TEST_PYTHON names a python that has huggingface_hub (make test-all)"))
    func theHubsOwnToolReadsOurCache() throws {
        try withHub { _, hub, home in
            let model = try hub.model("org/name")
            let script = """
                import os, sys
                from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
                cache = sys.argv[1]
                folder = snapshot_download("org/name", cache_dir=cache, local_files_only=True)
                weights = hf_hub_download("org/name", "model.safetensors", cache_dir=cache, local_files_only=True)
                info = scan_cache_dir(cache)
                assert not info.warnings, info.warnings
                repository = next(iter(info.repos))
                print(folder, os.path.getsize(weights), repository.repo_id, repository.nb_files)
                """
            let process = Process()
            let python = try #require(ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"])
            process.executableURL = URL(filePath: python)
            process.arguments = ["-c", script, home + "/ours"]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
            let answer = String(decoding: bytes, as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(answer == "\(model.folder) \(HubScene.weights.count) org/name 3\n")
        }
    }

    @Test func aFolderIsKnownByItsWholePath() throws {
        try withHub { _, hub, home in
            try DurableFile.write("{}", to: home + "/config.json")
            let up = FileManager.default.currentDirectoryPath.split(separator: "/").map { _ in "../" }.joined()
            let folder = try #require(try hub.localModel(up + home.dropFirst())).folder
            #expect(folder.hasPrefix("/"))
            #expect(FileManager.default.fileExists(atPath: folder + "/config.json"))
        }
    }

    @Test func offlineMeansNoRequest() throws {
        try withHub(environment: ["HF_HUB_OFFLINE": "1"]) { server, hub, _ in
            #expect(refusal { _ = try hub.model("org/name") }.contains("HF_HUB_OFFLINE forbids"))
            #expect(server.state.withLock { $0.seen.isEmpty })
        }
    }

    @Test func whatCannotBeReadIsRefusedByName() throws {
        try withHub(["config.json": Data("{}".utf8), "tf_model.h5": Data()]) { _, hub, _ in
            #expect(refusal { _ = try hub.model("org/name") }.contains("no weights that can be read"))
        }
        try withHub(["x.bin": Data()]) { _, hub, _ in
            #expect(refusal { _ = try hub.model("org/name") }.contains("no config.json"))
        }
        try withHub { _, hub, _ in
            #expect(refusal { _ = try hub.model("../../no/such") }.contains("neither a folder nor a model's name"))
        }
    }

    @Test func shardsAreThoseOfTheIndex() throws {
        let index =
            "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", \"b\": \"model-00002-of-00002.safetensors\"}}"
        let files = [
            "config.json": Data("{}".utf8), "model.safetensors.index.json": Data(index.utf8),
            "model-00001-of-00002.safetensors": HubScene.weights, "model-00002-of-00002.safetensors": Data("b".utf8),
            "model-00003-of-00002.safetensors": Data("c".utf8),
        ]
        try withHub(files) { _, hub, _ in
            let folder = try hub.model("org/name").folder
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(names == files.keys.filter { !$0.contains("00003") }.sorted())
        }
    }

    @Test func theCachesOfTheHubsOwnToolsComeFirst() throws {
        try withHub(environment: ["HF_HUB_OFFLINE": "1"]) { _, hub, home in
            let commit = String(repeating: "a1", count: 20)
            let root = home + "/.cache/huggingface/hub/models--org--name"
            try DurableFile.createFolder(root + "/snapshots/" + commit)
            try DurableFile.createFolder(root + "/refs")
            try DurableFile.write(commit, to: root + "/refs/main")
            try DurableFile.write("{}", to: root + "/snapshots/\(commit)/config.json")
            let kept4 = try hub.localModel("org/name")
            #expect(kept4 == nil)
            try DurableFile.write("", to: root + "/snapshots/\(commit)/model.safetensors")
            let kept5 = try hub.localModel("org/name")
            #expect(kept5?.folder == root + "/snapshots/" + commit)
        }
    }

    @Test func aDataSetsSplitsAreDownloadedOneByOne() throws {
        let files = [
            "data/train-00000-of-00002.parquet": HubScene.weights, "data/train-00001-of-00002.parquet": Data("b".utf8),
            "data/test-00000-of-00001.parquet": Data("c".utf8), "README.md": Data("d".utf8),
        ]
        try withHub(files) { server, hub, _ in
            let train = try hub.files("org/Stories", split: "train").map { ($0.path as NSString).lastPathComponent }
            #expect(train == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"])
            #expect(!server.state.withLock { $0.seen.contains { $0.path.contains("test-") } })
            #expect(try hub.files("org/Stories", split: "test").count == 1)
            let asked = server.state.withLock { $0.seen.count }
            #expect(try hub.files("org/Stories", split: "train").count == 2)
            #expect(server.state.withLock { $0.seen.count } == asked)
            #expect(
                refusal { _ = try hub.files("org/Stories", split: "dev") }.contains(
                    "has no split 'dev'; it has 'train', 'test'"))
        }
    }

    @Test func tablesOfTheDatasetsPackageAreFound() throws {
        try withHub(environment: ["HF_HUB_OFFLINE": "1"]) { _, hub, home in
            let folder = home + "/.cache/huggingface/datasets/roneneldan___tiny_stories/default/0.0.0/0123abcd"
            try DurableFile.createFolder(folder)
            for file in [
                "tiny_stories-train-00000-of-00001.arrow", "tiny_stories-validation.arrow", "dataset_info.json",
            ] {
                try DurableFile.write("x", to: folder + "/" + file)
            }
            let files = try hub.files("roneneldan/TinyStories", split: "valid")
            #expect(files.map(\.path) == [folder + "/tiny_stories-validation.arrow"])
        }
    }

    @Test func aCancelledDownloadSaysSo() throws {
        try withHub(isCancelled: true) { _, hub, _ in
            #expect(refusal { _ = try hub.model("org/name") }.contains("given up"))
        }
    }
}
