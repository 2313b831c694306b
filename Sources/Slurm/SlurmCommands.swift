import Glibc
import Subprocess

/// SLURM's commands as installed on this machine.
public struct SlurmCommands: Sendable {
    private let environment: [String: String]
    private let submitPatience: Duration

    /// How long the controller may take to answer a question: the clients themselves give up after about 9 s,
    /// but wait for a minute when SLURM's configuration is missing.
    private static let queryPatience = Duration.seconds(20)

    /// The commands that the `PATH` in `environment` leads to.
    ///
    /// - Parameters:
    ///   - environment: The caller's environment. What the surrounding job, if any, has put there is not
    ///     passed on: it would change the meaning of the new job's options.
    ///   - submitPatience: How long `sbatch` may take.
    public init(environment: [String: String], submitPatience: Duration = .seconds(60)) {
        self.environment = Self.scrubbed(environment)
        self.submitPatience = submitPatience
    }

    /// Whether there is an `sbatch`.
    public var isInstalled: Bool {
        (environment["PATH"] ?? "").split(separator: ":").contains { access($0 + "/sbatch", X_OK) == 0 }
    }

    /// Asks whether a controller answers.
    public func ping() async throws(SlurmError) {
        let answer: String
        do throws(SlurmError) {
            answer = try await run("scontrol", ["ping"])
        } catch {
            guard case .refused(let command, let message) = error else { throw error }
            throw .unreachable(command: command, message: Self.firstPart(message))
        }
        // With no controller up some versions still exit with 0.
        guard answer.contains("UP") else {
            throw .unreachable(command: "scontrol", message: Self.firstPart(Self.oneLine(answer)))
        }
    }

    /// Queues a script.
    ///
    /// When `sbatch` fails, the queue is asked for a job of that name before the submission counts as failed.
    ///
    /// - Parameters:
    ///   - path: The script's file.
    ///   - name: The unique job name in it.
    ///   - known: The jobs of that name that SLURM has taken before.
    /// - Returns: SLURM's number for the job.
    /// - Throws: ``SlurmError/uncertain(name:cause:)`` if nobody can say whether SLURM took the job;
    ///   after any other error it did not.
    public func submit(
        scriptAt path: String, name: String, besides known: Set<SlurmJobID> = []
    ) async throws(SlurmError) -> SlurmJobID {
        do throws(SlurmError) {
            let answer = try await run("sbatch", ["--parsable", path], patience: submitPatience)
            guard let job = SlurmJobID(parsable: answer) else {
                throw .unreadable(command: "sbatch", output: Self.oneLine(answer))
            }
            return job
        } catch {
            if case .notInstalled = error { throw error }
            let entries: [QueueEntry]
            do { entries = try await queue(named: name) } catch {
                throw .uncertain(name: name, cause: "\(error)")
            }
            guard let entry = entries.first(where: { !known.contains($0.arrayJob) }) else { throw error }
            return entry.arrayJob
        }
    }

    /// Cancels everything in the queue that has the given name: what waits goes, what runs gets SIGTERM.
    public func cancel(named name: String) async throws(SlurmError) {
        _ = try await run("scancel", ["--name", name])
    }

    /// Everything in the queue that has the given name, one entry per array task.
    public func queue(named name: String) async throws(SlurmError) -> [QueueEntry] {
        let text = try await run("squeue", ["-h", "-r", "-t", "all", "-n", name, "-o", QueueEntry.format])
        var entries: [QueueEntry] = []
        for line in text.split(whereSeparator: \.isNewline) {
            guard let entry = QueueEntry(line: line) else {
                throw .unreadable(command: "squeue", output: String(line))
            }
            entries.append(entry)
        }
        return entries
    }

    /// Runs a command to its end and returns what it printed.
    func run(
        _ command: String, _ arguments: [String], patience: Duration = queryPatience
    ) async throws(SlurmError) -> String {
        enum Outcome { case finished(TerminationStatus, output: String, error: String), timedOut }
        var options = PlatformOptions()
        options.createSession = true  // ^C is for us: sbatch finishes what it has begun
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
        let variables = Environment.custom(
            Dictionary(
                uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) }))
        let outcome: Outcome
        do {
            outcome = try await withThrowingTaskGroup(of: Outcome.self) { [options] group in
                group.addTask {
                    let result = try await Subprocess.run(
                        .name(command), arguments: Arguments(arguments), environment: variables,
                        platformOptions: options, output: .string(limit: 64 << 20),
                        error: .string(limit: 1 << 20))
                    return .finished(
                        result.terminationStatus, output: result.standardOutput, error: result.standardError)
                }
                group.addTask {
                    try await Task.sleep(for: patience)
                    return .timedOut
                }
                defer { group.cancelAll() }
                return try await group.next() ?? .timedOut
            }
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw .notInstalled(command: command)
        } catch {
            throw .refused(command: command, message: "\(error)")
        }
        switch outcome {
        case .timedOut:
            throw .timedOut(command: command, after: patience)
        case .finished(let status, let output, let error):
            guard !status.isSuccess else { return output }
            let message = Self.oneLine(error.isEmpty ? output : error)
            let unreachable = message.lowercased().contains("unable to contact slurm controller")
            throw unreachable
                ? .unreachable(command: command, message: message)
                : .refused(command: command, message: message.isEmpty ? "\(status)" : message)
        }
    }

    /// The environment without what a surrounding job has left there.
    ///
    /// A user's own defaults for where jobs run, as sites ask to put them into a shell profile, stay; all
    /// other `SBATCH_` variables override lines of the script that the job relies on.
    private static func scrubbed(_ environment: [String: String]) -> [String: String] {
        let kept: Set = [
            "SLURM_CONF", "SBATCH_ACCOUNT", "SBATCH_CONSTRAINT", "SBATCH_PARTITION", "SBATCH_QOS",
            "SBATCH_RESERVATION", "SBATCH_TIMELIMIT",
        ]
        return environment.filter { name, _ in
            kept.contains(name) || !(name.hasPrefix("SLURM_") || name.hasPrefix("SBATCH_"))
        }
    }

    /// What comes first in a message of several lines.
    private static func firstPart(_ message: String) -> String {
        message.split(separator: ";").first.map(String.init) ?? message
    }

    /// What a command printed, without its name and line ends.
    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline)
            .map { line in
                let parts = line.split(separator: ": ", maxSplits: 2)
                return parts.count == 3 && parts[1] == "error" ? String(parts[2]) : String(line)
            }
            .joined(separator: "; ")
    }
}
