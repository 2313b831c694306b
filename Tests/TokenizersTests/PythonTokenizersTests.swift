import Foundation
import JSON
import Testing
import Tokenizers

/// What Python's own tokenizers makes of 1,000 made-up texts per tokenizer; `make test-all` installs it.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"] != nil,
        "SPD_TEST_PYTHON names a python that has tokenizers (make test-all)"))
struct PythonTokenizersTests {
    @Test(arguments: Fixture.all) func pythonMakesTheSameOfMadeUpTexts(_ fixture: Fixture) throws {
        try compare(folder: fixture.folder, name: fixture.name)
    }

    @Test func pythonMakesTheSameWithEveryKindOfPart() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizers-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for line in try Fixture.parts() {
            let kind = try JSONValue(parsing: line)
            let name = try #require(kind["name"]?.string)
            let path = folder.appending(path: name)
            try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
            try Data(try #require(kind["tokenizer"]).text.utf8).write(to: path.appending(path: "tokenizer.json"))
            try compare(folder: path.path, name: name)
        }
    }

    private func compare(folder: String, name: String) throws {
        let tokenizer = try Tokenizer(folder: folder)
        var maker = TextMaker(seed: 1, tokens: (0..<8).compactMap { tokenizer.token($0) })
        let texts = (0..<1000).map { _ in maker.next() }
        let answers = try python(folder: folder, texts: texts)
        #expect(answers.count == texts.count)
        for (text, answer) in zip(texts, answers) {
            let expected = try JSONDecoder().decode(Fixture.Case.self, from: Data(answer.utf8))
            let plain = try tokenizer.encode(text)
            let special = try tokenizer.encode(text, addSpecialTokens: true)
            let label = Comment(rawValue: "\(name): \(text.debugDescription)")
            #expect(plain.ids == expected.ids, label)
            #expect(plain.pairs == expected.offsets, label)
            #expect(special.ids == expected.ids_with_special, label)
            #expect(try Array(tokenizer.decode(plain.ids).utf8) == Array(expected.decoded.utf8), label)
            let skipped = try tokenizer.decode(special.ids, skipSpecialTokens: true)
            #expect(Array(skipped.utf8) == Array(expected.decoded_skip_special.utf8), label)
        }
    }

    /// A line of answers for each text.
    private func python(folder: String, texts: [String]) throws -> [Substring] {
        let script = """
            import json, sys
            from tokenizers import Tokenizer
            tokenizer = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
            for line in open(sys.argv[2]):
                text = json.loads(line)
                plain, special = (tokenizer.encode(text, add_special_tokens=flag) for flag in (False, True))
                print(json.dumps({"text": text, "ids": plain.ids, "offsets": plain.offsets,
                    "ids_with_special": special.ids,
                    "decoded": tokenizer.decode(plain.ids, skip_special_tokens=False),
                    "decoded_skip_special": tokenizer.decode(special.ids, skip_special_tokens=True)}))
            """
        let file = FileManager.default.temporaryDirectory.appending(path: "texts-\(UUID().uuidString).jsonl")
        try Data(texts.map { JSONValue.string($0).text }.joined(separator: "\n").utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: try #require(ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"]))
        process.arguments = ["-c", script, folder, file.path]
        process.standardOutput = output
        try process.run()
        let answer = String(decoding: try #require(try output.fileHandleForReading.readToEnd()), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return answer.split(separator: "\n")
    }
}
