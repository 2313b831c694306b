import Artifacts
import Foundation
import Layout
import Runs
import TestFiles
import Testing

/// What Python's own safetensors reads from our files; `make test-all` installs it.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"] != nil,
        "SPD_TEST_PYTHON names a python that has safetensors and numpy (make test-all)"))
struct PythonSafeTensorsTests {
    @Test func pythonReadsAModelAsItWasWritten() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder)
        try Example.perform(plan)
        let path = plan.folder.model(step: 60)
        let script = """
            import sys
            from safetensors.numpy import load_file
            for name, array in sorted(load_file(sys.argv[1]).items()):
                print(name, array.dtype, list(array.shape), array.tobytes().hex())
            """
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: try #require(ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"]))
        process.arguments = ["-c", script, path]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try #require(try output.fileHandleForReading.readToEnd()), as: UTF8.self)
        process.waitUntilExit()

        let expected = try SafeTensors(contentsOf: path).arrays.sorted { $0.key < $1.key }.map { name, array in
            let bytes = array.floats.flatMap { number in
                withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
            }
            let hex = bytes.map { String(format: "%02x", $0) }.joined()
            return "\(name) float32 \(array.shape) \(hex)"
        }
        #expect(process.terminationStatus == 0)
        #expect(text.split(separator: "\n").map(String.init) == expected)
    }
}
