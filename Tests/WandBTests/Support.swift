import Foundation
import JSON
import Synchronization
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

extension TemporaryFolder {
    var spool: String { path + "/run/wandb" }
    /// Where `offline-run-…` folders are made on request.
    var offline: String { path + "/offline" }

    /// A file of the spool as text, folded or not.
    func spooled(_ name: String) throws -> String {
        String(decoding: try #require(try SpoolFolder(path: spool).bytes(of: name)), as: UTF8.self)
    }

    /// Every byte of every file below.
    func contents() throws -> String {
        let files = try #require(FileManager.default.enumerator(atPath: path))
        var text = ""
        for case let file as String in files {
            text += String(
                decoding: FileManager.default.contents(atPath: path + "/" + file) ?? Data(), as: UTF8.self)
        }
        return text
    }
}

extension WandBSettings {
    static func pointing(at baseURL: String, key: String = StandInBackend.key) throws -> WandBSettings {
        var settings = WandBSettings()
        settings.baseURL = baseURL
        settings.appURL = baseURL
        settings.apiKey = try APIKey(key)
        settings.entity = StandInBackend.entity
        return settings
    }
}

extension PagedJob.Experiment {
    /// An experiment with charts of every kind.
    static func example(
        _ name: String, project: String = "spd", divergences: Bool = false, runs: Int
    ) -> PagedJob.Experiment {
        func lines(_ names: String..., isLog: Bool = false, title: String? = nil) -> PagePanel {
            PagePanel(content: .lines(names, isLog: isLog), title: title)
        }
        func pictures(_ name: String, columns: Int) -> PagePanel {
            PagePanel(content: .media([name], columns: columns), title: "Pictures")
        }
        let reconstruction = lines(
            "loss/stochastic_recon_layerwise", "loss/stochastic_recon", isLog: true, title: "Reconstruction")
        let faithfulness = lines("loss/faithfulness", isLog: true, title: "Faithfulness")
        let minimality = lines("loss/importance_minimality", title: "Minimality")
        let language = [
            lines("misc/masked_kl_loss_vs_target", title: "Masked"),
            lines("misc/unmasked_kl_loss_vs_target", title: "Unmasked"),
        ]
        return .init(
            name: name, project: project,
            sections: [
                .init("Losses", [reconstruction, faithfulness, minimality, lines("loss/total", isLog: true)]),
                .init(
                    "Causal importances",
                    ["causal_importances", "UV_matrices"].map { pictures($0, columns: 3) }),
                .init(
                    "Subcomponents",
                    [
                        PagePanel(content: .matching(regex: ".*/ci_l0"), title: "L0"),
                        PagePanel(content: .matching(regex: ".*/n_alive_01"), title: "Alive"),
                    ]), .init("Recovery", [lines("mmcs"), lines("ml2r")]), .init("Optimisation", [lines("misc/lr")]),
            ],
            grid: PagePanel.grid(
                [
                    [pictures("causal_importances_upper_leaky", columns: 6)],
                    [reconstruction, faithfulness, minimality],
                ]
                    + (divergences ? [language] : [])), runs: runs)
    }
}

extension SendPacing {
    /// W&B's manners, a thousand times faster.
    static var hasty: SendPacing {
        var pacing = SendPacing()
        pacing.interval = .milliseconds(20)
        pacing.heartbeat = .milliseconds(500)
        pacing.poll = .milliseconds(5)
        pacing.firstRetry = .milliseconds(2)
        pacing.longestRetry = .milliseconds(20)
        pacing.refusedPause = .milliseconds(30)
        pacing.uploadPatience = .milliseconds(500)
        pacing.systemInterval = .milliseconds(50)
        pacing.longestSleep = .milliseconds(50)
        return pacing
    }
}

extension RunDescription {
    static func sample(_ id: String = "run-1", project: String = "spd") throws -> RunDescription {
        try RunDescription(
            id: id, project: project, displayName: "tms5-2",
            config: #"{"lr":0.001,"task_config":{"p":0.05},"n":null}"#,
            tags: ["tms", "sweep/x"], group: "g", jobType: "train", host: "n17", program: "worker")
    }
}

/// Runs what waits for the network on a thread of its own: the stand-in server needs Swift's few for itself.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}

/// The `_step` of every row that the stand-in has of a run.
func steps(_ run: StandInBackend.Run?) throws -> [Int] {
    try #require(run).history.map { line in
        try #require(JSONValue(parsing: line)["_step"]?.integer)
    }
}

/// Lines meant for the user.
final class Notices: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
