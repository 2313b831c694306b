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
    ///   - environment: The caller's environment; `SlurmEnvironment` says what of it is passed on.
    ///   - submitPatience: How long `sbatch` may take.
    public init(environment: [String: String], submitPatience: Duration = .seconds(60)) {
        self.environment = SlurmEnvironment.scrubbed(environment)
        self.submitPatience = submitPatience
    }

    /// Whether there is an `sbatch`.
    public var isInstalled: Bool {
        (environment["PATH"] ?? "").split(separator: ":").contains { access($0 + "/sbatch", X_OK) == 0 }
    }

    /// Asks whether a controller answers.
    public func ping() async throws(SlurmError) {
        // With a missing file the commands try for a minute.
        if let path = environment["SLURM_CONF"], !path.isEmpty, access(path, R_OK) != 0 {
            throw .unreachable(command: "scontrol", message: "SLURM_CONF names \(path), which can't be read")
        }
        let answer: String
        do throws(SlurmError) {
            answer = try await run("scontrol", ["ping"])
        } catch {
            guard case .refused(let command, let message) = error else { throw error }
            if message.lowercased().contains("configuration source") {
                throw .notConfigured(command: command, message: Self.lastPart(message))
            }
            throw .unreachable(command: command, message: Self.firstPart(message))
        }
        // With no controller up some versions still exit with 0.
        guard SlurmAnswer.saysUp(answer) else {
            throw .unreachable(command: "scontrol", message: Self.firstPart(SlurmAnswer.pingLines(answer)))
        }
    }

    /// Queues a script.
    ///
    /// When `sbatch` fails, the queue is asked for a job of that name before the submission counts as failed.
    ///
    /// - Parameters:
    ///   - path: The script's file.
    ///   - arguments: More arguments for `sbatch`, which override the script's.
    ///   - name: The unique job name in it.
    ///   - known: The jobs of that name that SLURM has taken before.
    /// - Returns: SLURM's number for the job.
    /// - Throws: ``SlurmError/uncertain(name:cause:mayCome:)`` if nobody can say whether SLURM took the job;
    ///   after any other error it did not.
    public func submit(
        scriptAt path: String, arguments: [String] = [], name: String, besides known: Set<SlurmJobID> = []
    ) async throws(SlurmError) -> SlurmJobID {
        do throws(SlurmError) {
            let (answer, error) = try await finish(
                "sbatch", ["--parsable"] + arguments + [path], patience: submitPatience)
            let candidates = SlurmJobID.candidates(in: answer)
            guard let job = candidates.first else {
                // A wrapper may hide that sbatch has failed.
                guard let errors = SlurmAnswer.errors(in: error + "\n" + answer) else {
                    throw .unreadable(command: "sbatch", output: SlurmAnswer.message(answer))
                }
                throw Self.failure(of: "sbatch", saying: errors)
            }
            guard candidates.count > 1 else { return job }
            // A wrapper prints numbers of its own: the queue knows which is the job's.
            let numbers: [SlurmJobID]
            do { numbers = try await queue(named: name, scripts: path).map(\.arrayJob) } catch {
                let cause = "its answer has several numbers, and \(error.reason)"
                throw .uncertain(name: name, cause: cause, mayCome: true)
            }
            return candidates.first(where: numbers.contains) ?? job
        } catch {
            switch error {
            case .notInstalled, .uncertain: throw error
            default: break
            }
            // The controller may have got the request, and be too busy to have dealt with it yet.
            let mayCome = error.isWithoutAnswer
            let entries: [QueueEntry]
            do { entries = try await queue(named: name, scripts: path) } catch {
                throw .uncertain(name: name, cause: error.reason, mayCome: mayCome)
            }
            if let entry = entries.first(where: { !known.contains($0.arrayJob) }) { return entry.arrayJob }
            throw mayCome ? .uncertain(name: name, cause: error.reason, mayCome: true) : error
        }
    }

    /// Asks whether a script could be started at all, on whatever nodes there are; nothing is submitted.
    ///
    /// - Parameters:
    ///   - path: The script's file.
    ///   - arguments: Further arguments for `sbatch`.
    /// - Throws: ``SlurmError/refused(command:message:)`` if it could not.
    public func test(scriptAt path: String, arguments: [String]) async throws(SlurmError) {
        _ = try await run("sbatch", ["--test-only"] + arguments + [path])
    }

    /// Cancels everything in the queue that has the given name: what waits goes, what runs gets SIGTERM.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - scripts: What the paths of the scripts begin with that were submitted under it: what has another name by now
    ///     is cancelled by its number, if the queue gives it.
    /// - Throws: ``SlurmError`` if what has the name may still be there.
    public func cancel(named name: String, scripts: String? = nil) async throws(SlurmError) {
        _ = try await run("scancel", ["--user", Self.user, "--name", name])
        guard let scripts else { return }
        let renamed: [QueueEntry]
        do throws(SlurmError) {
            renamed = try await queue(named: name, scripts: scripts).filter { !$0.state.isFinal && $0.jobName != name }
        } catch {
            return
        }
        if !renamed.isEmpty { try await cancel(tasks: renamed.map(\.name)) }
    }

    /// Cancels what has the given name and still waits in the queue; what runs continues.
    public func cancelPending(named name: String) async throws(SlurmError) {
        _ = try await run("scancel", ["--user", Self.user, "--name", name, "--state", "PENDING"])
    }

    /// Cancels jobs, or tasks of arrays, that the queue has just said to wait.
    ///
    /// `scancel --state` would spare one that has begun to run since, but takes all of an array for the tasks that are
    /// named, as long as all of it waits.
    ///
    /// - Parameter tasks: `812`, or `812_3` for an array's task.
    /// - Throws: ``SlurmError``; some may be cancelled then.
    public func cancelPending(tasks: [String]) async throws(SlurmError) { try await cancel(tasks: tasks) }

    private func cancel(tasks: [String]) async throws(SlurmError) {
        // A command line holds only so much.
        var rest = tasks[...]
        while !rest.isEmpty {
            _ = try await run("scancel", Array(rest.prefix(1000)))
            rest = rest.dropFirst(1000)
        }
    }

    /// Puts a job that runs back into the queue; SLURM ends its processes at once.
    ///
    /// - Parameter job: `812`, or `812_3` for an array's task.
    /// - Throws: ``SlurmError/refused(command:message:)`` where the site forbids it.
    public func requeue(_ job: String) async throws(SlurmError) {
        _ = try await run("scontrol", ["requeue", job])
    }

    /// How long a running job may still run, `nil` if there is no limit.
    public func timeLeft(of job: SlurmJobID) async throws(SlurmError) -> Duration? {
        let answer = try await run("squeue", ["-h", "-j", job.description, "-o", "%A|%L"])
        let prefix = "\(job)|"
        let line = answer.split(whereSeparator: \.isNewline).first { $0.hasPrefix(prefix) }
        guard let line else { throw .unreadable(command: "squeue", output: SlurmAnswer.message(answer)) }
        return SlurmTime.duration(String(line.dropFirst(prefix.count)))
    }

    /// Writes into a job's comment, which `squeue -o %k` and `scontrol show job` show.
    public func setComment(_ comment: String, of job: SlurmJobID) async throws(SlurmError) {
        _ = try await run("scontrol", ["update", "JobId=\(job)", "Comment=\(comment)"])
    }

    /// The largest number of tasks that one array may have, by `MaxArraySize` of SLURM's configuration.
    public func largestArray() async throws(SlurmError) -> Int {
        let text = try await run("scontrol", ["show", "config"])
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("MaxArraySize") }
        let value = line?.split(separator: "=").last.flatMap { Int($0.filter(\.isNumber)) }
        // The setting is one more than the highest index.
        return max(1, (value ?? 1001) - 1)
    }

    /// The numbers of the jobs of the given name that SLURM's accounting knows; none if there is no accounting.
    public func accounted(named name: String) async throws(SlurmError) -> [SlurmJobID] {
        let text: String
        do throws(SlurmError) {
            text = try await run(
                "sacct",
                [
                    "-X", "-P", "-D", "--user", Self.user, "--name", name, "-S", "now-7days",
                    "-o", "JobID,JobName",
                ])
        } catch {
            switch error {
            case .notInstalled, .refused: return []
            default: throw error
            }
        }
        let numbers = try SlurmAnswer.accounts(text)
            .filter { $0.hasSuffix("|" + name) }.compactMap { Int64($0.prefix { $0.isNumber }) }
        return Set(numbers).sorted().map(SlurmJobID.init)
    }

    /// Everything in the queue that the calling user has submitted under the given name, one entry per array task.
    ///
    /// A site's `squeue` may answer from a list that it keeps, whatever it was asked: others' jobs in it are none of ours.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - scripts: What the paths of the scripts begin with that were submitted under it: users and sites rename jobs.
    /// - Returns: The entries.
    /// - Throws: ``SlurmError`` if that can't be found out.
    public func queue(named name: String, scripts: String? = nil) async throws(SlurmError) -> [QueueEntry] {
        guard let scripts else {
            return try await entries(["-u", Self.user, "-n", name]).filter { $0.jobName == name }
        }
        return try await entries(["-u", Self.user]).filter { $0.jobName == name || $0.script.hasPrefix(scripts) }
    }

    /// Everything in the queue that some users have submitted, one entry per array task.
    public func queue(of users: Set<UInt32>) async throws(SlurmError) -> [QueueEntry] {
        try await entries(["-u", users.sorted().map { String($0) }.joined(separator: ",")])
    }

    /// Others may have jobs of any name, and to an administrator SLURM shows them as if they were theirs.
    static var user: String { String(getuid()) }

    private func entries(_ filter: [String]) async throws(SlurmError) -> [QueueEntry] {
        try SlurmAnswer.queue(try await run("squeue", ["-r", "-t", "all"] + filter + ["-o", QueueEntry.format]))
    }

    /// Runs a command to its end and returns what it printed.
    func run(
        _ command: String, _ arguments: [String], patience: Duration = queryPatience
    ) async throws(SlurmError) -> String {
        try await finish(command, arguments, patience: patience).output
    }

    /// Runs a command to its end and returns what it printed, the errors apart.
    ///
    /// By swift-subprocess, unlike the programs that a thread waits for: commands wait for SLURM's controller as tasks, many at
    /// once, and one that takes too long is asked to end before it is killed, so that what `sbatch` has begun is known.
    private func finish(
        _ command: String, _ arguments: [String], patience: Duration
    ) async throws(SlurmError) -> (output: String, error: String) {
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
                    // Room for the longest answer is not set aside before it comes: address space may be short.
                    let result = try await Subprocess.run(
                        .name(command), arguments: Arguments(arguments), environment: variables,
                        platformOptions: options, input: .none, output: .sequence, error: .string(limit: 1 << 20)
                    ) { execution in
                        var answer: [UInt8] = []
                        for try await part in execution.standardOutput {
                            part.withUnsafeBytes { answer.append(contentsOf: $0) }
                            guard answer.count <= 64 << 20 else {
                                throw SlurmError.refused(command: command, message: "its answer has over 64 MB")
                            }
                        }
                        return String(decoding: answer, as: UTF8.self)
                    }
                    return .finished(
                        result.terminationStatus, output: result.closureResult, error: result.standardError)
                }
                group.addTask {
                    try await Task.sleep(for: patience)
                    return .timedOut
                }
                defer { group.cancelAll() }
                return try await group.next() ?? .timedOut
            }
        } catch let error as SlurmError {
            throw error
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw .notInstalled(command: command)
        } catch {
            throw .refused(command: command, message: "\(error)")
        }
        switch outcome {
        case .timedOut:
            throw .timedOut(command: command, after: patience)
        case .finished(let status, let output, let error):
            guard !status.isSuccess else { return (output, error) }
            let message = SlurmAnswer.message(error.isEmpty ? output : error)
            switch status {
            case .signaled(let signal): throw .killed(command: command, signal: signal)
            // What a wrapper's shell says about a killed command.
            case .exited(let code) where code > 128 && message.isEmpty:
                throw .killed(command: command, signal: code - 128)
            case .exited: throw Self.failure(of: command, saying: message.isEmpty ? "\(status)" : message)
            }
        }
    }

    private static func failure(of command: String, saying message: String) -> SlurmError {
        message.lowercased().contains("unable to contact slurm controller")
            ? .unreachable(command: command, message: message) : .refused(command: command, message: message)
    }

    /// What comes last in a message of several lines.
    private static func lastPart(_ message: String) -> String {
        message.split(separator: "; ").last.map(String.init) ?? message
    }

    /// What comes first in a message of several lines.
    private static func firstPart(_ message: String) -> String {
        message.split(separator: ";").first.map(String.init) ?? message
    }
}
