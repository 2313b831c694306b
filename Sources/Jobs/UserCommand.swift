import Foundation
import Store

/// A shell command of the user's that an agent runs for a job.
struct UserCommand {
    /// The option that it was given with.
    let option: String
    let text: String
    /// Where what it prints goes.
    let log: String

    /// Runs it in the folder that the job was submitted from.
    ///
    /// - Parameters:
    ///   - job: The job, of which variables tell it.
    ///   - environment: Its other variables.
    ///   - input: What it gets on its standard input; nothing if nil.
    ///   - doesAppend: Whether what earlier ones have printed stays.
    /// - Returns: What became of it.
    func run(for job: Job, environment: [String: String], input: Data? = nil, doesAppend: Bool = false) -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", text]
        process.currentDirectoryURL = URL(filePath: job.submittedFrom)
        process.environment = environment.merging([
            "SPD_JOB_ID": job.id.description, "SPD_JOB_NAME": job.token, "SPD_JOB_FOLDER": job.folder.path,
            "SPD_SUMMARY": job.folder.summary,
        ]) { $1 }
        do {
            let isThere = doesAppend && FileManager.default.fileExists(atPath: log)
            guard isThere || FileManager.default.createFile(atPath: log, contents: nil) else {
                return "\(option): cannot write \(log); the command was not run"
            }
            let output = try FileHandle(forWritingTo: URL(filePath: log))
            if isThere { try output.seekToEnd() }
            process.standardOutput = output
            process.standardError = output
            guard let input else {
                process.standardInput = FileHandle.nullDevice
                try process.run()
                process.waitUntilExit()
                return report(process)
            }
            // A file, for a command that does not read its input must not end whoever writes it.
            let file = log + ".input-" + UUID().uuidString
            try input.write(to: URL(filePath: file))
            defer { unlink(file) }
            process.standardInput = try FileHandle(forReadingFrom: URL(filePath: file))
            try process.run()
            process.waitUntilExit()
        } catch {
            return "\(option): the command could not be run: \(error.localizedDescription)"
        }
        return report(process)
    }

    private func report(_ process: Process) -> String {
        process.terminationStatus == 0
            ? "\(option): done" : "\(option): exit code \(process.terminationStatus); see \(log)"
    }
}
