import Artifacts
import Experiments
import Foundation
import Targets
import Testing

/// What stands in a target's place and is none is told by name.
struct TargetFilesTests {
    private let folder: String

    private static let config = """
        tms_model_config:
          n_features: 3
          n_hidden: 2
          n_hidden_layers: 0
          tied_weights: true
          init_bias_to_zero: false
        feature_probability: 0.05
        batch_size: 8
        steps: 1
        lr: 0.005
        """
    private static let weights: [String: SafeTensors.Array] = [
        "linear1.weight": array([2, 3], [1, 2, 3, 4, 5, 6]),
        "linear2.weight": array([3, 2], [1, 4, 2, 5, 3, 6]),
        "linear2.bias": array([3], [0, 0, 0]),
    ]

    private static func array(_ shape: [Int], _ values: [Float]) -> SafeTensors.Array { .init(shape: shape, values) }

    init() throws {
        folder = NSTemporaryDirectory() + "targets-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.config.write(toFile: folder + "/tms_train_config.yaml", atomically: false, encoding: .utf8)
    }

    private func message(of weights: [String: SafeTensors.Array]) throws -> String? {
        try SafeTensors(arrays: weights, metadata: [:]).write(to: folder + "/tms.safetensors")
        return message()
    }

    private func message() -> String? {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            _ = try TargetFiles(path: folder)
            return nil
        } catch {
            return "\(error)".replacingOccurrences(of: folder, with: "…")
        }
    }

    @Test func aTargetThatFitsItsConfigIsTaken() throws {
        #expect(try message(of: Self.weights) == nil)
    }

    @Test(arguments: [
        ("_orig_mod.", "torch.compile"), ("module.", "DataParallel"), ("_orig_mod.module.", "torch.compile"),
    ])
    func thePrefixOfAWrapperIsNamed(prefix: String, wrapper: String) throws {
        let wrapped = Dictionary(uniqueKeysWithValues: Self.weights.map { (prefix + $0.key, $0.value) })
        let told = try #require(try message(of: wrapped))
        let names = "…/tms.safetensors: all names of its weights begin with '\(prefix)'"
        #expect(told.hasPrefix("\(names), as \(wrapper) leaves them"))
    }

    @Test(arguments: [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "is a Git LFS pointer"),
        ("\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        ("not weights at all", "is a text, not weights"), ("", "is empty"),
    ])
    func aTextInTheWeightsPlaceIsToldForWhatItIs(text: String, what: String) throws {
        try text.write(toFile: folder + "/tms.safetensors", atomically: false, encoding: .utf8)
        let told = try #require(message())
        #expect(told.hasPrefix("…/tms.safetensors \(what)"))
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["tms.safetensors", "tms.pth"])
    func aPipeInTheWeightsPlaceIsNotWaitedFor(name: String) throws {
        #expect(mkfifo(folder + "/" + name, 0o600) == 0)
        #expect(try #require(message()) == "…/\(name) is not a regular file; expected weights")
    }

    @Test(arguments: ["tms.safetensors", "tms.pth"])
    func aFileThatWasCutShortIsDamaged(name: String) throws {
        try SafeTensors(arrays: Self.weights, metadata: [:]).write(to: folder + "/whole")
        let whole = try Data(contentsOf: URL(filePath: folder + "/whole"))
        try FileManager.default.removeItem(atPath: folder + "/whole")
        try whole.prefix(whole.count / 2).write(to: URL(filePath: folder + "/" + name))
        let told = try #require(message())
        #expect(told.contains("…/\(name)"))
    }

    @Test func weightsThatTheConfigDoesNotDescribeAreRefused() throws {
        var missing = Self.weights
        missing["linear2.bias"] = nil
        #expect(try message(of: missing) == "…/tms.safetensors: the target's weights lack 'linear2.bias'")
    }

    @Test func tiedWeightsMustBeTransposed() throws {
        var untied = Self.weights
        untied["linear2.weight"] = Self.array([3, 2], [1, 2, 3, 4, 5, 6])
        let told = "…/tms.safetensors: tied_weights is true, but linear2.weight is not linear1.weight transposed"
        #expect(try message(of: untied) == told)
    }
}
