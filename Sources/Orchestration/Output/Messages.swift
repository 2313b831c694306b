import Artifacts

/// Writes one message to standard error.
package func printError(_ message: String) {
    StandardStreams.writeError("orchestrator: \(message)\n")
}

/// `1 spec`, `4 specs`.
package func plural(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
