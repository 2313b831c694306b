import Foundation
import Testing

/// `worker tokenize`, from outside.
struct TokenizeCommandTests {
    private func tokenize(_ arguments: [String], _ input: String) throws -> (code: Int32, output: String, error: String)
    {
        let process = Process()
        let (given, output, error) = (Pipe(), Pipe(), Pipe())
        process.executableURL = URL(filePath: Workbench.products + "/worker")
        process.arguments = ["tokenize"] + arguments
        (process.standardInput, process.standardOutput, process.standardError) = (given, output, error)
        try process.run()
        try given.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try given.fileHandleForWriting.close()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let complaint = String(decoding: try error.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text, complaint)
    }

    private let folder = Workbench.package + "/Tests/Fixtures/tokenizers/wordpiece_lowercase"

    @Test func aLineOfTextsBecomesALineOfTokens() throws {
        let plain = try tokenize([folder], "\"\"\n\" \"\n")
        #expect(
            plain.output == #"{"ids":[],"offsets":[],"decoded":""}"# + "\n" + #"{"ids":[],"offsets":[],"decoded":""}"#
                + "\n")
        let special = try tokenize([folder, "--special"], "\"\"\n")
        #expect(special.output == #"{"ids":[1],"offsets":[[0,0]],"decoded":"[EOS]"}"# + "\n")
    }

    @Test func anOptionThatIsGivenTwiceIsRefused() throws {
        let answer = try tokenize([folder, "--threads", "1", "--threads=2"], "")
        #expect(answer.code == 2)
        #expect(answer.error.hasPrefix("worker: --threads is given twice, as '1' and '2'; keep one"), "\(answer.error)")
    }

    @Test func aLineThatIsNoStringIsNamed() throws {
        let answer = try tokenize([folder], "\"a\"\n[1]\n")
        #expect(answer.code == 2)
        #expect(answer.error == "worker: standard input, line 2: expected a JSON string, found [1]\n")
        #expect(
            try tokenize([folder], "oops\n").error.hasPrefix("worker: standard input, line 1: expected a JSON string"))
    }

    @Test func aFolderWithoutATokenizerIsNamed() throws {
        let answer = try tokenize(["/no/such/folder"], "")
        #expect(answer.code == 2)
        #expect(answer.error == "worker: /no/such/folder: no such folder\n")
    }
}
