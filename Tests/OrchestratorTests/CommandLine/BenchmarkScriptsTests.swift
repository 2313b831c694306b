import Foundation
import Testing

/// The scripts behind `make bench`.
struct BenchmarkScriptsTests {
    private static let python = "/usr/bin/python3"

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: python), "needs \(python), as make bench does"))
    func resultsAreComparedWithEarlierOnes() async throws {
        let bench = try Workbench()
        let answer = try await bench.run(
            Self.python, ["-m", "unittest", "discover", "-s", Workbench.package + "/Benchmarks"],
            adding: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(answer.code == 0, "\(answer.error)")
    }
}
