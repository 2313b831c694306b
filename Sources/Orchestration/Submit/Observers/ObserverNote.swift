import Foundation

/// An observer in a job's snapshot: what was copied, and what runs it.
package struct ObserverNote: Encodable {
    package let source: String
    package let copy: String
    package let sha256: String
    /// What its first line names; nil for a binary.
    package let interpreter: String?
    /// Where that is on the machine of the submission, and what it says its version is.
    package let interpreterPath: String?
    package let interpreterVersion: String?

    /// Looks for the interpreter.
    init(_ bundle: ObserverBundle, environment: [String: String]) {
        source = bundle.source
        copy = "observers/\(bundle.digest)/\(bundle.program)"
        sha256 = bundle.digest
        interpreter = bundle.interpreter?.joined(separator: " ")
        let path = Self.interpreter(bundle.interpreter ?? [], environment: environment)
        interpreterPath = path
        interpreterVersion = path.flatMap { Self.version(of: $0, environment) }
    }

    /// Where the program is that the words of a first line name; nil if it is not here.
    static func interpreter(_ words: [String], environment: [String: String]) -> String? {
        let words = words.filter { !$0.hasPrefix("-") }
        // `env` looks for the program on the path.
        guard words.first?.hasSuffix("/env") ?? false else {
            return words.first.flatMap { access($0, X_OK) == 0 ? $0 : nil }
        }
        return words.dropFirst().first.flatMap { Program.find($0, environment: environment) }
    }

    private static func version(of path: String, _ environment: [String: String]) -> String? {
        do throws(ChildProcess.Trouble) {
            let answer = try ChildProcess(command: [path, "--version"], environment: environment).run(
                patience: .seconds(3))
            guard answer.code == 0 else { return nil }
            return (answer.text + answer.error).split(whereSeparator: \.isNewline).first.map { String($0.prefix(200)) }
        } catch {
            return nil
        }
    }
}
