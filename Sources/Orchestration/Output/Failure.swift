import Experiments
import JSON
import Slurm
import Store

/// Why a command ends without success: a message for the user and an exit code for scripts.
package struct Failure: Error, Equatable {
    /// The exit code for mistakes in what the user gave.
    package static let badInput: Int32 = 2
    /// The exit code for operations that failed.
    package static let failed: Int32 = 1

    package let message: String
    package let exitCode: Int32

    package static func badInput(_ message: String) -> Failure {
        Failure(message: message, exitCode: badInput)
    }

    package static func failed(_ message: String) -> Failure {
        Failure(message: message, exitCode: failed)
    }

    /// What `--json` prints of it, so there is a document whatever happens.
    package var json: String? {
        struct Report: Encodable {
            let error: String
            let exitCode: Int32
        }
        do { return try JSONText.encode(Report(error: message, exitCode: exitCode)) } catch { return nil }
    }

    private init(message: String, exitCode: Int32) {
        self.message = message
        self.exitCode = exitCode
    }

    /// A library's error in the user's terms.
    package init(_ error: any Error) {
        switch error {
        case let error as Failure:
            self = error
        case let error as ConfigError:
            self = .badInput("\(error)")
        case let error as StoreError:
            switch error {
            case .unknownJob, .unknownRun, .noRun, .ambiguousRun, .notRetryable, .settled, .finished:
                self = .badInput("\(error)")
            case .folder(let error): self.init(error)
            default: self = .failed("\(error)")
            }
        case let error as CacheFolderError:
            self = error.isUsersMistake ? .badInput("\(error)") : .failed("\(error)")
        case let error as SlurmError:
            self = .failed("\(error)")
        case is CancellationError:
            self = .interrupted
        default:
            self = .failed("\(error)")
        }
    }

    /// The same with other words.
    package func worded(_ change: (String) -> String) -> Failure {
        Failure(message: change(message), exitCode: exitCode)
    }

    /// ^C before anything was stored.
    package static let interrupted = Failure(message: "interrupted: nothing was stored", exitCode: 130)
}

/// Runs `body`; whatever a library throws becomes a ``Failure``.
package func failing<T>(_ body: () async throws -> T) async throws(Failure) -> T {
    do { return try await body() } catch { throw Failure(error) }
}
