import Foundation
import JSON

/// What a worker reports about itself and the libraries it finds: the answer of `worker about --json`.
package struct WorkerReport: Codable {
    package let version: String
    package let openblas: String
    /// Which of OpenBLAS's kernels it takes on this CPU.
    package let openblasCore: String
    /// The x86-64 level of the CPU, or the architecture.
    package let cpuLevel: String
    /// The version of libcurl; nil if there is none.
    package let libcurl: String?
    /// Why there is no libcurl.
    package let libcurlTrouble: String?
    /// Why there is no Cairo; nil if there is.
    package let cairoTrouble: String?

    /// Asks a worker.
    ///
    /// - Throws: Why it gives no answer.
    package init(askingWorker path: String, environment: [String: String], patience: Duration) throws(Failure) {
        let answer: ChildProcess.Answer
        do throws(ChildProcess.Trouble) {
            answer = try ChildProcess(command: [path, "about", "--json"], environment: environment)
                .run(patience: patience)
        } catch {
            throw .failed("\(path) \(error)")
        }
        do {
            self = try JSONText.decode(Data(answer.output))
        } catch {
            let said = answer.error.split(whereSeparator: \.isNewline).first.map { ": \($0)" } ?? ""
            let code = answer.code.map { "exit code \($0)" } ?? "ended by a signal"
            throw .failed("\(path) about gives no report (\(code))\(said)")
        }
    }
}
