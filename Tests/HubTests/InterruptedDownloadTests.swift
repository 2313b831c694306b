import Artifacts
import Foundation
import Glibc
import Synchronization
import Testing
import TextData

@testable import Hub
@testable import StandInWandB

/// Downloads that break, hang or change under way.
struct InterruptedDownloadTests {
    @Test func aDownloadThatBreaksGoesOnWhereItWas() throws {
        try withHub { server, hub, _ in
            server.state.withLock { $0.cuts = [20_000, 10_000] }
            let model = try hub.model("org/name")
            #expect(try Data(contentsOf: URL(filePath: model.folder + "/model.safetensors")) == HubScene.weights)
            let ranges = server.state.withLock { $0.seen }.filter(\.isSecondServer).map(\.range)
            #expect(ranges == [nil, "bytes=20000-", "bytes=30000-"])
        }
    }

    @Test func aFileThatTheHubRefusesLeavesNothing() throws {
        try withHub { server, hub, home in
            server.state.withLock {
                let listing = "{\"sha\": \"\($0.commit)\", \"siblings\": [{\"rfilename\": \"config.json\"},"
                $0.faults = [
                    .init(body: Data((listing + "{\"rfilename\": \"model.safetensors\"}]}").utf8)),
                    .init(status: 403, headers: ["X-Error-Code": "GatedRepo"]),
                ]
            }
            #expect(refusal { _ = try hub.model("org/name", needsWeights: true) }.contains("is gated"))
            let blobs = home + "/ours/models--org--name/blobs"
            let left = try FileManager.default.contentsOfDirectory(atPath: blobs)
            #expect(left.isEmpty, "\(left)")
        }
    }

    /// As a process leaves it that is killed between two files: the first is not fetched again.
    @Test func filesOfADownloadThatEndedEarlyAreKept() throws {
        let shards = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
        let second = Data(HubScene.weights.reversed())
        try withHub([shards[0]: HubScene.weights, shards[1]: second]) { server, hub, home in
            server.state.withLock { ($0.cutFile, $0.cuts) = (shards[1], Array(repeating: 10, count: 9)) }
            let client = Hub(
                settings: hub.settings, cache: home + "/ours",
                // Once it asks again, what came before the first cut is kept.
                isCancelled: { server.state.withLock { $0.cuts.count < 8 } })
            #expect(refusal { _ = try client.files("org/Stories", split: "train") }.contains("given up"))
            server.state.withLock { ($0.cuts, $0.seen) = ([], []) }

            let files = try hub.files("org/Stories", split: "train")

            #expect(try files.map { try Data(contentsOf: URL(filePath: $0.path)) } == [HubScene.weights, second])
            // What the client hung up on, as it has the first file, may be seen late.
            let taken = server.state.withLock { $0.seen }.last { $0.isSecondServer && $0.path.contains(shards[1]) }
            #expect(["bytes=10-", "bytes=20-"].contains(taken?.range))
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
                // Once it asks again, what came before the first cut is kept.
                isCancelled: { server.state.withLock { $0.cuts.count < 8 } })
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
        let files = ["data/train-00000.parquet": HubScene.weights, "data/train-00001.parquet": Data("b".utf8)]
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

    /// Its signed addresses expire; that is no matter of the user's rights.
    @Test func aStoreThatRefusesItsAddressIsAskedAgain() throws {
        try withHub { server, hub, _ in
            server.state.withLock { $0.storeFaults = [.init(status: 403), .init(status: 404)] }
            let model = try hub.model("org/name")
            #expect(try Data(contentsOf: URL(filePath: model.folder + "/model.safetensors")) == HubScene.weights)
            // Each time the hub signs an address anew.
            let asked = server.state.withLock { $0.seen }.filter { $0.path.hasSuffix("/model.safetensors") }
            #expect(asked.count == 3)
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
            server.state.withLock { $0.impostor = Data(repeating: 7, count: HubScene.weights.count) }
            #expect(refusal { _ = try hub.model("org/name") }.contains("does not have the size or sha256"))
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
}
