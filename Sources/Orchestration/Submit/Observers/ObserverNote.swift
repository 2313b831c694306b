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
        let words = (bundle.interpreter ?? []).filter { !$0.hasPrefix("-") }
        // `env` looks for the program on the path.
        let isEnv = words.first?.hasSuffix("/env") ?? false
        let path = isEnv ? words.dropFirst().first.flatMap { Program.find($0, environment: environment) } : words.first
        interpreterPath = path
        interpreterVersion = path.flatMap { Self.version(of: $0, environment) }
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
