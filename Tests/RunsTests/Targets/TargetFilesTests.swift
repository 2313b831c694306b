import Artifacts
import Experiments
import Foundation
import Layout
import Runs
import Targets
import TestFiles
import Testing

/// Targets that the published tool trained; `Tests/Fixtures/torch/make.py` made them.
struct TargetFilesTests {
    private static let fixtures = Checkout.fixture("torch")
    private let folder: TemporaryFolder

    /// Copies the fixtures, so that tests can spoil them.
    init() throws {
        folder = try TemporaryFolder()
        for name in ["tms", "resid_mlp"] {
            try FileManager.default.copyItem(
                atPath: "\(Self.fixtures)/\(name)", toPath: "\(folder.path)/\(name)")
        }
    }

    private func message(_ path: String) -> String? {
        #expect(throws: TargetError.self) { try TargetFiles(path: "\(folder.path)/\(path)") }?.description
            .replacingOccurrences(of: folder.path, with: "…")
    }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: "\(folder.path)/\(name)", atomically: false, encoding: .utf8)
    }

    @Test(arguments: ["tms", "tms/", "tms/tms.pth", "tms_expected.safetensors"])
    func aTMSTargetIsTheSameFromItsFolderOrFile(path: String) throws {
        try FileManager.default.copyItem(
            atPath: Self.fixtures + "/tms_expected.safetensors", toPath: folder.path + "/tms_expected.safetensors")
        try FileManager.default.copyItem(
            atPath: folder.path + "/tms/tms_train_config.yaml", toPath: folder.path + "/tms_train_config.yaml")
        let weights = try SafeTensors(contentsOf: folder.path + "/tms_expected.safetensors")
        #expect(try TargetFiles(path: "\(folder.path)/\(path)").hash == SHA256.hex(weights.encoded()))
    }

    @Test(arguments: [("tms", "linear1, linear2, hidden_layers.0"), ("resid_mlp", "layers.*.mlp_in, layers.*.mlp_out")])
    func aTargetOfTheToolIsDecomposed(name: String, patterns: String) throws {
        let path = "\(folder.path)/\(name)"
        var plan = try Example.plan(folder).with(patterns: "[\(patterns)]", path: path)
        if name == "resid_mlp" {
            let config = plan.config.yaml()
                .replacingOccurrences(of: "task_name: tms", with: "task_name: residual_mlp")
                .replacingOccurrences(of: "tms.models.TMSModel", with: "resid_mlp.models.ResidualMLP")
            plan.config = try ExperimentConfig.load(yaml: config, source: "test")
        }
        guard case .finished = try Example.perform(plan) else {
            Issue.record("the run did not finish")
            return
        }
        let weights = try TorchFile(contentsOf: "\(path)/\(name).pth").arrays
        let result = try SafeTensors(contentsOf: plan.folder.model(step: 60)).arrays
        for (name, array) in weights { #expect(result["model." + name] == array) }
    }

    @Test func whatAFolderLacksIsTold() throws {
        #expect(message("nothing") == "there is no …/nothing")
        try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: false)
        #expect(
            message("empty") == "…/empty needs its training config in it: "
                + "there is neither tms_train_config.yaml nor resid_mlp_train_config.yaml in …/empty")
        try FileManager.default.removeItem(atPath: folder.path + "/tms/tms.pth")
        #expect(message("tms") == "…/tms needs a target's weights: there is neither tms.safetensors nor tms.pth")
        try write("", to: "resid_mlp/resid_mlp.safetensors")
        #expect(
            message("resid_mlp") == "…/resid_mlp holds both resid_mlp.safetensors and resid_mlp.pth; "
                + "name the one to decompose in pretrained_model_path")
        try write("", to: "resid_mlp/tms_train_config.yaml")
        #expect(
            message("resid_mlp") == "…/resid_mlp holds both tms_train_config.yaml and resid_mlp_train_config.yaml; "
                + "give each target its own folder")
        try write("\u{0}", to: "tms/tms.onnx")
        #expect(
            message("tms/tms.onnx")
                == "…/tms/tms.onnx is neither .safetensors nor .pth weights nor a folder with some")
        try write("", to: "tms/tms.pth")
        #expect(
            message("tms") == "…/tms/tms.pth is empty; it should hold weights")
    }

    @Test(arguments: [
        ("[1, 2, 3]", "…/resid_mlp/label_coeffs.json has 3 numbers; the target has 6 features"),
        ("[1, 2, 3, 4, 5, NaN]", "…/resid_mlp/label_coeffs.json is not a JSON list of finite numbers"),
        ("[1, 2, 3, 4, 5, 1e99]", "…/resid_mlp/label_coeffs.json is not a JSON list of finite numbers"),
        (#"{"a": 1}"#, "…/resid_mlp/label_coeffs.json is not a JSON list of finite numbers"),
        ("", "…/resid_mlp/label_coeffs.json is not a JSON list of finite numbers"),
    ])
    func labelCoefficientsAreOneNumberPerFeature(text: String, reason: String) throws {
        try write(text, to: "resid_mlp/label_coeffs.json")
        #expect(message("resid_mlp") == reason)
    }

    @Test func weightsOfAnotherShapeThanTheConfigsAreRefused() throws {
        let config = try String(contentsOfFile: folder.path + "/tms/tms_train_config.yaml", encoding: .utf8)
        try write(
            config.replacingOccurrences(of: "n_features: 5", with: "n_features: 6"), to: "tms/tms_train_config.yaml")
        #expect(message("tms")?.hasPrefix("…/tms/tms.pth: ") == true)
    }
}
