import Foundation
import WandB

/// Secrets: values from the environment and W&B's files, and anything that looks like a key.
package struct Secrets {
    /// The names of the variables that hold some, sorted.
    package let names: [String]
    private let values: [String]
    private let patterns: [Data]

    package init(
        _ environment: [String: String], workingDirectory: String = FileManager.default.currentDirectoryPath
    ) {
        names = environment.filter { Self.isSecret($0.key, $0.value) }.keys.sorted()
        let hidden = environment.filter { Self.isSecret($0.key, $0.value) }.values.filter { $0.utf8.count >= 8 }
        let known = SecretShapes.known(
            environment: environment, workingDirectory: workingDirectory, homeDirectory: environment["HOME"])
        values = Array(Set(hidden + known))
        patterns = values.flatMap { value in [Data(value.utf8)] + Self.base64(Array(value.utf8)).map { Data($0.utf8) } }
    }

    /// Whether a variable holds a secret, by its name or by its value.
    package static func isSecret(_ name: String, _ value: String) -> Bool {
        // Where nobody misses a hash it is taken for a key.
        SecretShapes.isSecret(name: name) || SecretShapes.mayOccur(in: value)
    }

    /// Whether one of them stands in bytes: plain, in wide characters, or known and in Base64.
    package func occur(in bytes: [UInt8]) -> Bool {
        if SecretShapes.occur(in: bytes) { return true }
        let readings = [bytes] + (bytes.contains(0) ? [bytes.filter { $0 != 0 }] : [])
        return readings.map { Data($0) }.contains { data in
            patterns.contains { data.range(of: $0) != nil }
        }
    }

    /// Whether one of them stands in any of several contents.
    package func occur(inAny contents: [[UInt8]]) -> Bool { contents.contains(where: occur) }

    /// A text without them.
    package func redacted(_ text: String) -> String {
        let text = values.reduce(text) { $0.replacing($1, with: "<hidden>") }
        return SecretShapes.mayOccur(in: text) ? "<hidden>" : text
    }

    /// How bytes look within a longer text in Base64, wherever in it they begin.
    private static func base64(_ bytes: [UInt8]) -> [String] {
        (0..<3).map { offset in
            let text = Data([UInt8](repeating: 0, count: offset) + bytes).base64EncodedString()
            // Characters at the ends also stand for bits of what is around.
            return String(text.prefix((offset + bytes.count) * 8 / 6).dropFirst(offset == 0 ? 0 : offset + 1))
        }
    }
}
