import Artifacts
import Foundation
import Kernels
import TestFiles
import Testing

@testable import Runs

/// Models' folders as the hub has them, and what is wrong with some.
struct LanguageModelFolderTests {
    private static let folder = Checkout.fixture("models")
    private static let names = ["gpt2_no_prefix", "gpt_neo_old_pytorch_bin", "llama_sharded_bfloat16"]

    private func withCopy(of name: String, _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "spd-model-\(UUID().uuidString)").path
        try FileManager.default.copyItem(atPath: Self.folder + "/" + name, toPath: folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func refusal(_ folder: String, className: String? = nil) -> String {
        let error = #expect(throws: RunError.self) {
            try LanguageModelFolder(path: folder).load(className: className)
        }
        return error.map { "\($0)".replacing(folder, with: "MODEL") } ?? ""
    }

    @Test(arguments: names) func logitsAreThoseOfThePublishedLibrary(name: String) throws {
        let folder = Self.folder + "/" + name
        let expected = try SafeTensors(contentsOf: folder + "/expected.safetensors")
        let out = FileManager.default.temporaryDirectory.appending(path: "spd-logits-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: out) }
        var warnings: [String] = []
        try ForwardPass(folder: folder, tokens: folder + "/expected.safetensors", threads: 1) { warnings.append($0) }
            .write(to: out)
        #expect(warnings.isEmpty, "leftovers and tied heads are nothing to warn of")
        let (found, wanted) = (
            try #require(try SafeTensors(contentsOf: out).arrays["logits"]), try #require(expected.arrays["logits"])
        )
        #expect(found.shape == wanted.shape)
        let largest = wanted.floats.map(abs).max() ?? 0
        let difference = zip(found.floats, wanted.floats).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference <= 2e-5 * largest)
    }

    @Test func aMissingShardIsNamed() throws {
        try withCopy(of: "llama_sharded_bfloat16") { folder in
            try FileManager.default.removeItem(atPath: folder + "/model-00002-of-00002.safetensors")
            let said = refusal(folder)
            #expect(said.contains("MODEL/model-00002-of-00002.safetensors: No such file"))
            #expect(said.contains("MODEL/model.safetensors.index.json says it holds"), "\(said)")
            #expect(said.hasSuffix("' among them"), "\(said)")
        }
    }

    @Test func aCutOffFileIsRefused() throws {
        try withCopy(of: "gpt2_no_prefix") { folder in
            truncate(folder + "/model.safetensors", 20_000)
            #expect(refusal(folder).hasPrefix("MODEL/model.safetensors is not a usable safetensors file"))
        }
    }

    @Test(arguments: [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n", "is a Git LFS pointer"),
        ("<!DOCTYPE html><html></html>", "is a web page"),
    ])
    func whatStandsInAFilesPlaceIsCalledThat(text: String, what: String) throws {
        for name in ["model.safetensors", "config.json"] {
            try withCopy(of: "gpt2_no_prefix") { folder in
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
                let said = refusal(folder)
                #expect(said.hasPrefix("MODEL/\(name) \(what)"), "\(said)")
            }
        }
    }

    @Test func aTensorThatIsMissingOrHasAnotherShapeIsNamed() throws {
        try withCopy(of: "gpt2_no_prefix") { folder in
            let path = folder + "/model.safetensors"
            var file = try SafeTensors(contentsOf: path)
            let weight = try #require(file.arrays["h.1.mlp.c_fc.weight"])
            file.arrays["h.1.mlp.c_fc.weight"] = nil
            try file.write(to: path)
            #expect(refusal(folder).contains("transformer.h.1.mlp.c_fc.weight"))
            file.arrays["h.1.mlp.c_fc.weight"] = .init(shape: weight.shape.reversed(), weight.floats)
            try file.write(to: path)
            #expect(refusal(folder).contains("transformer.h.1.mlp.c_fc.weight"))
        }
    }

    @Test func wholeNumbersAreNoWeights() throws {
        try withCopy(of: "gpt2_no_prefix") { folder in
            let path = folder + "/model.safetensors"
            var file = try SafeTensors(contentsOf: path)
            let weight = try #require(file.arrays["h.1.mlp.c_fc.weight"])
            file.arrays["h.1.mlp.c_fc.weight"] = .init(shape: weight.shape, weight.floats.map { Int32($0) })
            try file.write(to: path)
            #expect(
                refusal(folder) == "MODEL/model.safetensors: 'transformer.h.1.mlp.c_fc.weight' holds whole numbers; "
                    + "expected F32, F16, BF16 or F64")
        }
    }

    /// Types that are never read do no harm in tensors that are not needed, and are refused in those that are.
    @Test func tensorsOfOtherTypesAreLeftOutUnlessTheyAreNeeded() throws {
        try withCopy(of: "gpt2_no_prefix") { folder in
            let path = folder + "/model.safetensors"
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            var header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
            let end = bytes.count - 8 - length
            let entry = "{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[\(end),\(end + 1)]}"
            header = header.trimmingCharacters(in: .whitespaces).dropLast() + ",\"steps\":\(entry)}"
            let count = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) }
            bytes = count + Array(header.utf8) + bytes[(8 + length)...] + [7]
            try Data(bytes).write(to: URL(filePath: path))
            var warnings: [String] = []
            _ = try LanguageModelFolder(path: folder).load(className: nil) { warnings.append($0) }
            #expect(warnings.count == 1 && warnings[0].hasSuffix("are left out: transformer.steps"), "\(warnings)")

            header = header.replacing("\"h.1.ln_1.bias\"", with: "\"z\"").replacing(
                "\"steps\"", with: "\"h.1.ln_1.bias\"")
            let other = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) }
            try Data(other + Array(header.utf8) + bytes[(8 + Int(count[0]) + Int(count[1]) << 8)...])
                .write(to: URL(filePath: path))
            #expect(
                refusal(folder) == "MODEL/model.safetensors: 'transformer.h.1.ln_1.bias' holds numbers of type I8; "
                    + "expected F32, F16, BF16 or F64")
        }
    }

    @Test func anUntiedHeadMustBeThere() throws {
        try withCopy(of: "llama_sharded_bfloat16") { folder in
            let path = folder + "/config.json"
            let config = try String(contentsOfFile: path, encoding: .utf8)
            try DurableFile.write(config.replacing("\"tie_word_embeddings\": true", with: "\"x\": 1"), to: path)
            #expect(
                refusal(folder).contains("lacks 'lm_head.weight', and config.json does not say tie_word_embeddings"))
        }
    }

    @Test func theClassAskedForMustBeTheFiles() {
        let reason = refusal(Self.folder + "/gpt2_no_prefix", className: "transformers.LlamaForCausalLM")
        #expect(reason.contains("LlamaForCausalLM was asked for, but the model is a GPT2LMHeadModel"))
    }

    @Test func aFolderWithoutAModelSaysWhatIsExpected() throws {
        try withCopy(of: "gpt2_no_prefix") { folder in
            try FileManager.default.removeItem(atPath: folder + "/model.safetensors")
            #expect(refusal(folder).hasPrefix("MODEL holds no weights: expected one of model.safetensors"))
            try DurableFile.write("{\"architectures\": [\"BertModel\"]}", to: folder + "/config.json")
            #expect(refusal(folder).hasPrefix("MODEL/config.json: BertModel is not supported; these are: Llama"))
            try FileManager.default.removeItem(atPath: folder + "/config.json")
            #expect(refusal(folder).contains("MODEL/config.json"))
        }
        #expect(refusal("/nowhere").contains("is not a folder"))
    }

    @Test func tensorsWithoutAPlaceAreListed() throws {
        try withCopy(of: "gpt2_no_prefix") { folder in
            var file = try SafeTensors(contentsOf: folder + "/model.safetensors")
            file.arrays["score.weight"] = .init(shape: [1], [Float(1)])
            try file.write(to: folder + "/model.safetensors")
            var warnings: [String] = []
            _ = try LanguageModelFolder(path: folder).load(className: nil) { warnings.append($0) }
            #expect(warnings.count == 1 && warnings[0].contains("transformer.score.weight"))
        }
    }
}
