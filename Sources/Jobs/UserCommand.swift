import Artifacts
import Glibc
import Layout
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
    ///   - job: The job, which variables describe to it.
    ///   - environment: Its other variables.
    ///   - input: What it gets on its standard input.
    ///   - doesAppend: Whether what earlier ones have printed stays.
    ///   - limit: When it is ended; nil for a command that takes its time.
    /// - Returns: What became of it.
    func run(
        for job: Job, environment: [String: String], input: [UInt8] = [], doesAppend: Bool = false,
        limit: ForegroundProcess.Limit? = nil
    ) -> String {
        let variables = environment.merging([
            "SPD_JOB_ID": job.id.description, "SPD_JOB_NAME": job.token, "SPD_JOB_FOLDER": job.folder.path,
            "SPD_SUMMARY": job.folder.summary,
        ]) { $1 }
        let file: Int32
        do throws(FileError) {
            file =
                try doesAppend ? DurableFile.openToAppend(log) : DurableFile.writeToAppend([], to: log, flush: .nothing)
        } catch {
            return "\(option): cannot write \(log) (\(error.reason)); the command was not run"
        }
        defer { close(file) }
        do throws(Spawn.Reason) {
            var process = ForegroundProcess(
                ["/bin/sh", "-c", text], environment: variables, folder: job.submittedFrom, input: input,
                output: .file(file))
            process.limit = limit
            let end = try process.run()
            if end.isOverdue { return "\(option): the command had not ended and was stopped; see \(log)" }
            return end.status == 0 ? "\(option): done" : "\(option): exit code \(end.status); see \(log)"
        } catch {
            return "\(option): the command could not be run: \(error)"
        }
    }
}
