import Artifacts
import Foundation
import Synchronization
import TestFiles
import Testing

@testable import Downloads
@testable import Experiments
@testable import StandInWandB
@testable import WandB

/// Targets from a W&B server that keeps its files elsewhere.
struct TargetDownloadsTests {
    private let server: StandInServer
    /// The same server on another port, where files are really kept.
    private let storage: StandInServer
    private let folder: String
    private static let run = WandBRunReference(entity: "lab", project: "spd-train", id: "abc123")

    init() async throws {
        server = try await StandInServer.start()
        storage = try await StandInServer.start(server.backend)
        server.backend.downloads.storage = storage.baseURL
        folder = NSTemporaryDirectory() + "downloads-\(UUID().uuidString)/runs"
    }

    private func stop() {
        server.stop()
        storage.stop()
        try? FileManager.default.removeItem(atPath: (folder as NSString).deletingLastPathComponent)
    }

    private static func fixture(_ path: String) throws -> Data {
        try Data(
            contentsOf: URL(filePath: Checkout.fixture("torch/\(path)")))
    }

    /// Files of a run that trained a TMS, beside others of all kinds.
    private static func tms() throws -> [String: Data] {
        [
            "config.yaml": Data("x: 1".utf8), "output.log": Data(), "media/images/a.pth": Data("no weights".utf8),
            "tms_train_config.yaml": try fixture("tms/tms_train_config.yaml"), "tms.pth": try fixture("tms/tms.pth"),
        ]
    }

    private func downloads(key: String? = StandInBackend.key) throws -> TargetDownloads {
        var settings = WandBSettings()
        settings.baseURL = server.baseURL
        settings.apiKey = try key.map { try APIKey($0) }
        return TargetDownloads(folder: folder, settings: settings, limit: .seconds(30))
    }

    private func fetch(
        _ run: WandBRunReference = run, key: String? = StandInBackend.key,
        check: @escaping @Sendable (String) throws -> Void = { _ in }
    ) async throws -> String? {
        let downloads = try downloads(key: key)
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result { try downloads.fetch(run, check: check, say: { _ in }, shouldStop: { false }) })
            }
        }
    }

    private func failure(_ run: WandBRunReference = run, key: String? = StandInBackend.key) async throws -> String {
        let error = await #expect(throws: TargetDownloadError.self) { try await self.fetch(run, key: key) }
        return try #require(error).description
    }

    private func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    @Test func aTargetIsLaidOutAsThePublishedToolDoesIt() async throws {
        defer { stop() }
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        let place = try #require(try await fetch())
        #expect(place == folder + "/spd-train-abc123")
        #expect(try names(place) == ["tms.pth", "tms_train_config.yaml", "wandb_run.json"])
        for name in ["tms.pth", "tms_train_config.yaml"] {
            #expect(FileManager.default.contents(atPath: place + "/" + name) == (try Self.fixture("tms/" + name)))
        }
        #expect(server.backend.violations == [])
        #expect(try names(folder) == ["spd-train-abc123", "spd-train-abc123.lock"])

        let requests = server.backend.requests
        #expect(try await fetch(key: nil) == place, "what is there needs neither key nor server")
        #expect(server.backend.requests == requests)
    }

    @Test func aResidualMLPBringsItsLabelCoefficients() async throws {
        defer { stop() }
        let names = ["label_coeffs.json", "resid_mlp.pth", "resid_mlp_train_config.yaml"]
        let files = try names.map { ($0, try Self.fixture("resid_mlp/" + $0)) }
        server.backend.put(files: Dictionary(uniqueKeysWithValues: files), as: "abc123", project: "spd-train")
        let place = try #require(try await fetch())
        #expect(try self.names(place) == names + ["wandb_run.json"])
    }

    @Test func theKeyStaysWithTheServerWhenFilesAreElsewhere() async throws {
        defer { stop() }
        server.backend.downloads.redirects = true
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        #expect(try await fetch() != nil)
        let signed = server.backend.downloads.signed
        #expect(signed.count == 2)
        #expect(signed.allSatisfy { $0["authorization"] == nil })
        #expect(!signed.contains { "\($0)".contains(StandInBackend.key) })
        #expect(server.backend.violations == [])
    }

    @Test func theNewestCheckpointIsTaken() async throws {
        defer { stop() }
        var files = try Self.tms()
        files["tms_2000.pth"] = files["tms.pth"]
        files["tms.pth"] = Data("older".utf8)
        files["tms_1000.pth"] = Data("older".utf8)
        files["checkpoint_9000.safetensors"] = Data("an optimiser's state".utf8)
        server.backend.put(files: files, as: "abc123", project: "spd-train")
        let place = try #require(try await fetch())
        #expect(FileManager.default.contents(atPath: place + "/tms.pth") == files["tms_2000.pth"])
        #expect(server.backend.downloads.served["tms_1000.pth"] == nil)
    }

    @Test func damageIsNoticedAndMadeUpForOrTold() async throws {
        defer { stop() }
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        server.backend.downloads.damaged = ["tms.pth": 100]
        #expect(
            try await failure()
                == "pretrained_model_path wandb:lab/spd-train/runs/abc123: tms.pth did not arrive as it is on the "
                + "server: its digest differs")
        #expect(try names(folder) == ["spd-train-abc123.lock"], "nothing half done is left")
        server.backend.downloads.damaged = ["tms.pth": 2]
        #expect(try await fetch() != nil)
    }

    @Test func whatNeedsItAtOnceDownloadsItOnce() async throws {
        defer { stop() }
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        let places = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<5 { group.addTask { try await fetch() } }
            return try await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(Set(places) == [folder + "/spd-train-abc123"])
        #expect(server.backend.downloads.served == ["tms.pth": 1, "tms_train_config.yaml": 1])
    }

    @Test func whatACrashLeftIsReplaced() async throws {
        defer { stop() }
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        let left = folder + "/spd-train-abc123.new"
        try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
        try "half".write(toFile: left + "/tms_1.pth", atomically: true, encoding: .utf8)
        let place = try #require(try await fetch())
        #expect(try names(place) == ["tms.pth", "tms_train_config.yaml", "wandb_run.json"])
        #expect(!FileManager.default.fileExists(atPath: left))
    }

    @Test func whatIsMissingIsToldWithWhatThereIs() async throws {
        defer { stop() }
        server.backend.put(files: ["a.txt": Data("x".utf8)], as: "abc124", project: "spd-train")
        server.backend.put(files: [:], as: "empty", project: "spd-train")
        let prefix = "pretrained_model_path wandb:"
        #expect(
            try await failure()
                == prefix + "lab/spd-train/runs/abc123: lab/spd-train has no run 'abc123'; its latest are abc124, empty"
        )
        #expect(
            try await failure(WandBRunReference(entity: "lab", project: "sdp", id: "x"))
                == prefix + "lab/sdp/runs/x: lab has no project 'sdp' that this key may see; it has spd-train")
        #expect(
            try await failure(WandBRunReference(entity: "other", project: "spd-train", id: "x"))
                == prefix + "other/spd-train/runs/x: other has no project 'spd-train' that this key may see; "
                + "is the entity right?")
        #expect(
            try await failure(WandBRunReference(entity: nil, project: "spd-train", id: "empty"))
                == prefix + "spd-train/runs/empty: the run has no files; is it the training of a target?")
        #expect(
            try await failure(WandBRunReference(entity: nil, project: "spd-train", id: "abc124"))
                == prefix + "spd-train/runs/abc124: the run has not its training config (tms_train_config.yaml or "
                + "resid_mlp_train_config.yaml); it has a.txt")
        #expect(
            try await failure(key: nil)
                == prefix + "lab/spd-train/runs/abc123: no WANDB_API_KEY is set, which downloading needs")
        let wrong = try await failure(key: String(repeating: "b", count: 40))
        #expect(wrong.hasSuffix("127.0.0.1 answered 401: invalid API key"), "\(wrong)")
        #expect(try names(folder).allSatisfy { $0.hasSuffix(".lock") })
    }

    @Test func filesThatAreNoTargetAreNotKept() async throws {
        defer { stop() }
        var files = try Self.tms()
        files["tms.pth"] = Data("not weights".utf8)
        server.backend.put(files: files, as: "abc123", project: "spd-train")
        let weights = try await failure()
        #expect(weights.contains("abc123: tms.pth"), "\(weights)")
        files["tms_train_config.yaml"] = nil
        files["final_config.yaml"] = Data("C: 20\nn_mask_samples: 1\n".utf8)
        server.backend.put(files: files, as: "abc123", project: "spd-train")
        let config = try await failure()
        #expect(config.contains("the run trained no target: final_config.yaml"), "\(config)")
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        struct Refused: Error, CustomStringConvertible { let description = "refused" }
        await #expect(throws: TargetDownloadError(run: Self.run, reason: .unusable("refused"))) {
            try await fetch { _ in throw Refused() }
        }
        #expect(try names(folder) == ["spd-train-abc123.lock"])
    }

    @Test func anotherEntitysRunOfThatNameIsNotTakenForIt() async throws {
        defer { stop() }
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        _ = try await fetch()
        let other = try await failure(WandBRunReference(entity: "goodfire", project: "spd-train", id: "abc123"))
        #expect(other.contains("it is lab's run of that name; delete the folder to have goodfire's"), "\(other)")
    }

    @Test func failuresThatPassAreWaitedOut() async throws {
        defer { stop() }
        server.backend.put(files: try Self.tms(), as: "abc123", project: "spd-train")
        server.backend.inject { number, _ in
            number % 3 == 1 ? .refuse(status: 503) : number % 7 == 5 ? .refuse(status: 429, retryAfter: "0") : .none
        }
        #expect(try await fetch() != nil)
        #expect(server.backend.violations == [])
    }

    @Test func onlyTheServersOwnAddressesSeeTheKey() throws {
        let base = try BaseURL("https://api.example.com/wandb")
        for address in ["https://api.example.com/wandb/files/x", "HTTPS://API.example.com:443/wandb"] {
            #expect(base.covers(address), "\(address)")
        }
        for address in [
            "http://api.example.com/wandb/x", "https://api.example.com:8443/wandb/x", "https://api.example.com/wandbx",
            "https://api.example.com.evil/wandb/x", "https://u:p@api.example.com/wandb/x", "https://example.com/wandb/",
            "https://api.example.com@evil/wandb/x",
        ] { #expect(!base.covers(address), "\(address)") }
    }
}
