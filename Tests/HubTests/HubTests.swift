import Artifacts
import Foundation
import Glibc
import Synchronization
import TextData
import Testing

@testable import Hub
@testable import StandInWandB

/// Models and data sets by name, against a hub on loopback.
struct HubTests {
    private static let weights = Data((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    private static let model = [
        "config.json": Data("{\"model_type\": \"llama\"}".utf8), "tokenizer.json": Data("{}".utf8),
        "model.safetensors": weights, "README.md": Data("not wanted".utf8), "flax_model.msgpack": Data("no".utf8),
    ]

    private func withHub(
        _ files: [String: Data] = model, environment: [String: String] = [:], isCancelled: Bool = false,
        _ body: (StandInHub, Hub, String) throws -> Void
    ) throws {
        let server = try StandInHub(files: files)
        defer { server.stop() }
        let home = FileManager.default.temporaryDirectory.appending(path: "spd-hub-\(UUID().uuidString)").path
        try DurableFile.createFolder(home)
        defer { try? FileManager.default.removeItem(atPath: home) }
        var all = ["HOME": home, "HF_ENDPOINT": server.endpoint]
        all.merge(environment) { $1 }
        let hub = Hub(
            settings: HubSettings(environment: all), cache: home + "/ours", isCancelled: { isCancelled })
        try body(server, hub, home)
    }

    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            Issue.record("nothing was refused")
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func aModelIsDownloadedOnceAndPinnedToItsCommit() throws {
        try withHub(environment: ["HF_TOKEN": "hf_sesame"]) { server, hub, home in
            let kept1 = try hub.localModel("org/Small-1M")
            #expect(kept1 == nil)
            let model = try hub.model("org/Small-1M")
            let commit = server.state.withLock { $0.commit }
            #expect(model.commit == commit)
            #expect(model.folder == home + "/ours/models--org--Small-1M/snapshots/" + commit)
            #expect(try Data(contentsOf: URL(filePath: model.folder + "/model.safetensors")) == Self.weights)
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

    @Test func aDownloadThatBreaksGoesOnWhereItWas() throws {
        try withHub { server, hub, _ in
            server.state.withLock { $0.cuts = [20_000, 10_000] }
            let model = try hub.model("org/name")
            #expect(try Data(contentsOf: URL(filePath: model.folder + "/model.safetensors")) == Self.weights)
            let ranges = server.state.withLock { $0.seen }.filter(\.isSecondServer).map(\.range)
            #expect(ranges == [nil, "bytes=20000-", "bytes=30000-"])
        }
    }

    /// As a process leaves it that is killed between two files: the first is not fetched again.
    @Test func filesOfADownloadThatEndedEarlyAreKept() throws {
        let shards = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
        let second = Data(Self.weights.reversed())
        try withHub([shards[0]: Self.weights, shards[1]: second]) { server, hub, home in
            server.state.withLock { ($0.cutFile, $0.cuts) = (shards[1], Array(repeating: 10, count: 9)) }
            let client = Hub(
                settings: hub.settings, cache: home + "/ours",
                isCancelled: { server.state.withLock { $0.cuts.count < 9 } })
            #expect(refusal { _ = try client.files("org/Stories", split: "train") }.contains("given up"))
            server.state.withLock { ($0.cuts, $0.seen) = ([], []) }

            let files = try hub.files("org/Stories", split: "train")

            #expect(try files.map { try Data(contentsOf: URL(filePath: $0.path)) } == [Self.weights, second])
            let taken = server.state.withLock { $0.seen }.filter(\.isSecondServer)
            #expect(taken.last?.range == "bytes=10-")
            let blobs = try FileManager.default.contentsOfDirectory(
                atPath: home + "/ours/datasets--org--Stories/blobs")
            #expect(blobs.count == 2 && blobs.allSatisfy { $0.count == 64 }, "\(blobs)")
        }
    }

    @Test func whatCameOfAnEarlierCommitGoesOnceAnotherIsWhole() throws {
        try withHub { server, hub, home in
            server.state.withLock { $0.cuts = Array(repeating: 10, count: 9) }
            let client = Hub(
                settings: hub.settings, cache: home + "/ours",
                isCancelled: { server.state.withLock { $0.cuts.count < 9 } })
            #expect(refusal { _ = try client.model("org/name") }.contains("given up"))
            let blobs = home + "/ours/models--org--name/blobs"
            func incomplete() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: blobs).filter { $0.hasSuffix(".incomplete") }
            }
            #expect(try incomplete().count == 1)
            server.state.withLock { ($0.cuts, $0.commit) = ([], String(repeating: "beef1234", count: 5)) }
            _ = try hub.model("org/name")
            #expect(try incomplete() == [])
        }
    }

    /// Some files of a split look like a smaller one.
    @Test func aSplitWhoseFilesWereBeingAddedIsNotTakenForWhole() throws {
        let files = ["data/train-00000.parquet": Self.weights, "data/train-00001.parquet": Data("b".utf8)]
        try withHub(files) { server, hub, home in
            _ = try hub.files("org/Stories", split: "train")
            let folder = home + "/ours/datasets--org--Stories"
            try FileManager.default.removeItem(
                atPath: "\(folder)/snapshots/\(server.state.withLock { $0.commit })/data/train-00001.parquet")
            try DurableFile.write("", to: folder + "/.unfinished")
            #expect(try hub.files("org/Stories", split: "train").count == 2)
            #expect(!FileManager.default.fileExists(atPath: folder + "/.unfinished"))
        }
    }

    @Test func aBusyHubIsAskedAgain() throws {
        try withHub { server, hub, _ in
            server.state.withLock {
                $0.faults = [
                    .init(status: 429, headers: ["Retry-After": "0"]), .init(status: 503), .init(isReset: true),
                ]
            }
            _ = try hub.model("org/name")
        }
    }

    /// Something that takes connections and says nothing, as a proxy does that drops what it should pass on.
    @Test func aHubThatNeverAnswersIsToldInTime() throws {
        let socket = try ListeningSocket()
        defer { close(socket.descriptor) }
        let said = Mutex<[String]>([])
        let home = FileManager.default.temporaryDirectory.appending(path: "spd-hub-\(UUID().uuidString)").path
        let hub = Hub(
            settings: HubSettings(environment: [
                "HOME": home, "HF_ENDPOINT": "http://127.0.0.1:\(socket.port)", "HF_HUB_DOWNLOAD_TIMEOUT": "1",
            ]), cache: home + "/ours", say: { line in said.withLock { $0.append(line) } })
        let told = refusal { _ = try hub.checkModel("org/name") }
        #expect(
            told == "the model 'org/name': 127.0.0.1 did not answer in time, 3 times; "
                + "try again later, or from another machine")
        // Whoever waits sees why.
        #expect(said.withLock { $0 }.count == 2)
        #expect(said.withLock { $0 }.allSatisfy { $0.hasPrefix("127.0.0.1 did not answer in time; trying again in ") })
        #expect(!FileManager.default.fileExists(atPath: home))
        #expect(HubSettings(environment: [:]).patience == .seconds(30))
    }

    @Test func bytesThatAreNotThoseStatedAreNotKept() throws {
        try withHub { server, hub, home in
            server.state.withLock { $0.impostor = Data(repeating: 7, count: Self.weights.count) }
            #expect(refusal { _ = try hub.model("org/name") }.contains("has not the size or sha256"))
            let kept2 = try hub.localModel("org/name")
            #expect(kept2 == nil)
            let blobs = try FileManager.default.contentsOfDirectory(atPath: home + "/ours/models--org--name/blobs")
            #expect(!blobs.contains { $0.hasSuffix(".incomplete") })
            server.state.withLock { $0.impostor = nil }
            _ = try hub.model("org/name")
        }
    }

    @Test func aCommitThatChangesUnderWayIsNotMixedWithAnother() throws {
        try withHub { server, hub, _ in
            server.state.withLock { $0.otherCommit = String(repeating: "d", count: 40) }
            #expect(refusal { _ = try hub.model("org/name") }.contains("answers with commit dddddddddddd"))
            let kept3 = try hub.localModel("org/name")
            #expect(kept3 == nil)
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
            #expect(answer == "\(model.folder) \(Self.weights.count) org/name 3\n")
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
            "model-00001-of-00002.safetensors": Self.weights, "model-00002-of-00002.safetensors": Data("b".utf8),
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
            "data/train-00000-of-00002.parquet": Self.weights, "data/train-00001-of-00002.parquet": Data("b".utf8),
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
