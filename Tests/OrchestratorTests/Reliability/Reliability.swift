import Foundation
import Testing

/// What docs/concepts/reliability.md promises; `make reliability` runs the large ones and prints their figures.
@Suite(.serialized)
enum Reliability {
    /// The large proofs take minutes.
    static let large = ConditionTrait.enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil,
        "SPD_TEST_SLOW=1 (make test-all, make reliability) runs these")

    /// Prints a measured figure where a person, or docs/concepts/reliability.md, can take it from.
    static func figure(_ text: String) {
        FileHandle.standardOutput.write(Data("FIGURE  \(text)\n".utf8))
    }
}
