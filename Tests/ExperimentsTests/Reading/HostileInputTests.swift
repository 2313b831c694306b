import Foundation
import TestFiles
import Testing

@testable import Experiments

struct HostileInputTests {
    @Test func aBombOfAliasesIsRefused() {
        let levels = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1), *a\($0 - 1)]" }
        let bomb = "a0: &a0 [x]\n" + levels.joined(separator: "\n") + "\n? *a40\n: 1"
        #expect(
            load(bomb)
                == "bomb: not valid YAML: its aliases (*name) stand for more than 16 MB of text; write the values out")
    }

    @Test func aFewAliasesAreFine() throws {
        let text = minimal.replacing("n_eval_steps: 100", with: "n_eval_steps: &often 10")
            .replacing("print_freq: 10", with: "print_freq: *often")
        #expect(try ExperimentConfig.load(yaml: text, source: "my.yaml").printFreq == 10)
    }

    @Test(arguments: ["[", "{a: "]) func whatIsNestedTooDeeplyIsCalledSo(opening: String) {
        let text = "a: " + String(repeating: opening, count: 20_000)
        let message = #expect(throws: ConfigError.self) { try ExperimentConfig.load(yaml: text, source: "s") }
        #expect(message?.description.hasSuffix("not valid YAML: it is nested too deeply") == true)
    }

    @Test(arguments: [20, 40, 900, 100_000])
    func deepNestingIsAnError(depth: Int) {
        for (opening, closing) in [("[", "]"), ("{a: ", "}"), ("? ", "")] {
            let text = String(repeating: opening, count: depth) + String(repeating: closing, count: depth)
            #expect(!load("C: " + text).isEmpty)
            #expect(!load(text).isEmpty)
        }
    }

    @Test func aHugeTextIsRefused() {
        let text = minimal + "\n#" + String(repeating: "x", count: 1 << 20)
        #expect(load(text) == "bomb: cannot be read: it is larger than 1 MB, too large for a config")
    }

    @Test func theFirstHundredOfManyProblemsAreTold() {
        let text = (0..<20_000).map { "key\($0): \($0)" }.joined(separator: "\n")
        let told = load(text).split(separator: "\n")
        #expect(told.count == 101)
        #expect(told.last == "These are the first 100 problems.")
    }

    @Test func filesThatAreNoConfigsAreToldAsSuch() throws {
        let folder = try TemporaryFolder()
        let junk = folder("junk.yaml")
        #expect(FileManager.default.createFile(atPath: junk, contents: Data([0xFF, 0xFD, 0x00, 0x80])))
        let none = folder("none.yaml")
        let huge = folder("huge.yaml")
        #expect(FileManager.default.createFile(atPath: huge, contents: Data(count: 2 << 20)))

        #expect(
            problems { _ = try ExperimentConfig.load(path: junk) }
                == "\(junk): cannot be read: it is not UTF-8 text")
        #expect(
            problems { _ = try ExperimentConfig.load(path: none) } == "\(none): cannot be read: no such file")
        #expect(
            problems { _ = try ExperimentConfig.load(path: folder.path) }
                == "\(folder.path): cannot be read: it is not a file")
        #expect(
            problems { _ = try ExperimentConfig.load(path: "/dev/zero") }
                == "/dev/zero: cannot be read: it is not a file")
        #expect(problems { _ = try ExperimentConfig.load(path: huge) }.contains("larger than 1 MB"))
    }

    @Test func aMutatedConfigLoadsOrIsRefusedAndNeverCrashes() throws {
        let targetText = try Registry.experiment(named: "tms_5-2-id").target?.yaml() ?? ""
        let sweep =
            "global:\n  seed: {values: [0, 1]}\ntms_5-2:\n  task_config:\n    feature_probability:\n      values: [0.1]\n"
        let experiment = try Registry.experiment(named: "tms_5-2")
        var random = Xorshift(state: 0x9E37_79B9_7F4A_7C15)
        for original in [minimal, targetText, sweep] {
            var refused = 0
            for _ in 0..<1500 {
                let text = mutated(original, with: &random)
                let told = problems {
                    if original == sweep {
                        _ = try SweepFile.load(yaml: text, source: "bomb").expand(experiments: [experiment])
                    } else if original == targetText {
                        _ = try TargetConfig.load(yaml: text, source: "bomb")
                    } else {
                        let config = try ExperimentConfig.load(yaml: text, source: "bomb")
                        #expect(try ExperimentConfig.load(yaml: config.yaml(), source: "again") == config)
                    }
                }
                #expect(!told.hasPrefix("not a ConfigError"))
                refused += told.isEmpty ? 0 : 1
            }
            #expect(refused > 500)
        }
    }

    private func load(_ text: String) -> String {
        problems { _ = try ExperimentConfig.load(yaml: text, source: "bomb") }
    }

    /// Cuts, drops, doubles or overwrites some bytes.
    private func mutated(_ text: String, with random: inout Xorshift) -> String {
        var bytes = Array(text.utf8)
        let spice = Array("\t\n :-#&*!|>%@`\"'[]{},?~\u{0}\u{e9}09eE.+<".utf8)
        for _ in 0...Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes.removeSubrange(index...)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(contentsOf: bytes[index..<min(index + 20, bytes.count)], at: index)
            default: bytes[index] = spice[Int.random(in: 0..<spice.count, using: &random)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A generator with a seed, so that a failure happens again.
struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
