import Foundation
import Testing

@testable import StandInWandB
@testable import WandB

/// Python with W&B's packages, as a user has it who has this server and nothing else; `make test-all` installs it.
struct OfficialPython: Sendable {
    /// The folder that everything it writes goes to.
    let home: String
    let server: StandInServer

    /// Runs it to its end and gives what it printed.
    func run(_ arguments: [String]) async throws -> String {
        let program = try #require(ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"])
        return try await blocking {
            let process = Process()
            let (output, errors) = (Pipe(), Pipe())
            process.executableURL = URL(filePath: program)
            process.arguments = arguments
            process.currentDirectoryURL = URL(filePath: home)
            process.environment = [
                "PATH": "/usr/bin:/bin", "HOME": home, "WANDB_BASE_URL": server.baseURL,
                "WANDB_API_KEY": StandInBackend.key, "WANDB_DIR": home, "WANDB_CACHE_DIR": home,
                "WANDB_CONFIG_DIR": home, "WANDB_DATA_DIR": home, "WANDB_ERROR_REPORTING": "false",
            ]
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            let said = Notices()
            let reader = Thread {
                said.add(String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
            }
            reader.start()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            try #require(
                process.terminationStatus == 0, "python \(arguments[0]): \(said.all.joined().suffix(2000))")
            return text
        }
    }
}
