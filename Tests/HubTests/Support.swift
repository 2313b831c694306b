import Artifacts
import Foundation
import Testing

@testable import Hub
@testable import StandInWandB

/// What a hub has.
enum HubScene {
    static let weights = Data((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    static let model = [
        "config.json": Data("{\"model_type\": \"llama\"}".utf8), "tokenizer.json": Data("{}".utf8),
        "model.safetensors": weights, "README.md": Data("not wanted".utf8), "flax_model.msgpack": Data("no".utf8),
    ]
}

/// Serves files as a hub on loopback, to a hub of this process with a home of its own.
func withHub(
    _ files: [String: Data] = HubScene.model, environment: [String: String] = [:], isCancelled: Bool = false,
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

/// Why something is refused.
func refusal(_ body: () throws -> Void) -> String {
    do {
        try body()
        Issue.record("nothing was refused")
        return ""
    } catch {
        return "\(error)"
    }
}
