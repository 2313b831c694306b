import CLinux
import Glibc

/// A program that shares this one's terminal, and that this one waits for.
///
/// ^C reaches both: what it means for the whole is the caller's to say, once the program has ended.
public struct ForegroundProcess {
    /// Where a program's output goes.
    public enum Output {
        /// To this program's own output and error.
        case inherited
        /// Its output to the caller, its errors to this program's.
        case captured
        /// Both to an open file.
        case file(Int32)
    }

    /// How a program has ended.
    public struct End {
        /// Its exit code; 128 and the signal's number if one ended it, as in a shell.
        public let status: Int32
        /// What it said, if that was captured.
        public let output: [UInt8]
        /// Whether it was ended for taking too long.
        public let isOverdue: Bool
    }

    /// When a program is ended that has not ended on its own.
    public struct Limit {
        let time: Duration
        let shouldStop: () -> Bool

        /// After a time, or a few seconds after the caller is to stop; the program then has its own session, and all
        /// of it is ended.
        public init(_ time: Duration, shouldStop: @escaping () -> Bool = { false }) {
            (self.time, self.shouldStop) = (time, shouldStop)
        }

        /// How long a program continues after its caller is to stop, and after it was asked to end.
        static let grace = Duration.seconds(3)
    }

    /// An absolute path and its arguments.
    public let command: [String]
    /// All its variables.
    public let environment: [String: String]
    /// Where it starts; nil for where this process is.
    public let folder: String?
    /// What it reads.
    public let input: [UInt8]
    /// Where its output goes.
    public let output: Output
    /// When it is ended; nil for a program that takes its time.
    public var limit: Limit?

    /// A program that is not started yet.
    ///
    /// - Parameters:
    ///   - command: An absolute path and its arguments.
    ///   - environment: All its variables.
    ///   - folder: Where it starts; nil for where this process is.
    ///   - input: What it reads.
    ///   - output: Where its output goes.
    public init(
        _ command: [String], environment: [String: String], folder: String? = nil, input: [UInt8] = [],
        output: Output = .inherited
    ) {
        self.command = command
        self.environment = environment
        self.folder = folder
        self.input = input
        self.output = output
    }

    /// Starts it and waits for its end.
    ///
    /// - Returns: How it ended.
    /// - Throws: Why it could not be started, or what kept its answer or its end from being known.
    public func run() throws(Spawn.Reason) -> End {
        // Held in memory whole, because a program that does not read its input must not end the writer.
        let question = try Self.check(spd_memory_file())
        defer { close(question) }
        var rest = input[...]
        while !rest.isEmpty {
            let count = uninterrupted { rest.withUnsafeBytes { Glibc.write(question, $0.baseAddress, $0.count) } }
            rest = rest.dropFirst(Int(try Self.check(count)))
        }
        lseek(question, 0, SEEK_SET)
        guard case .captured = output else {
            let (status, isOverdue) = try status(of: start(question, answer: nil))
            return End(status: status, output: [], isOverdue: isOverdue)
        }
        let ends = try PipeEnds()
        defer { close(ends.exit) }
        let started = Result { () throws(Spawn.Reason) in try start(question, answer: ends.entry) }
        close(ends.entry)
        let process = try started.get()
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = uninterrupted { read(ends.exit, &buffer, buffer.count) }
            guard try Self.check(count) > 0 else { break }
            answer += buffer[..<count]
        }
        let (status, isOverdue) = try status(of: process)
        return End(status: status, output: answer, isOverdue: isOverdue)
    }

    private func start(_ question: Int32, answer: Int32?) throws(Spawn.Reason) -> Int32 {
        try Spawn.start(command, environment: environment, in: folder, isDetached: limit != nil) { files in
            posix_spawn_file_actions_adddup2(&files, question, 0)
            if let answer { posix_spawn_file_actions_adddup2(&files, answer, 1) }
            if case .file(let log) = output {
                posix_spawn_file_actions_adddup2(&files, log, 1)
                posix_spawn_file_actions_adddup2(&files, log, 2)
            }
        }.get()
    }

    /// Waits for the end of a child; one whose end somebody else has collected must not pass for a success.
    private func status(of process: Int32) throws(Spawn.Reason) -> (Int32, isOverdue: Bool) {
        var status: Int32 = 0
        var end = limit.map { ContinuousClock.now + $0.time }
        var isStopping = false
        var isOverdue = false
        while true {
            let ended = waitpid(process, &status, limit == nil ? 0 : WNOHANG)
            if ended == process { break }
            guard ended == 0 || errno == EINTR else { throw Spawn.Reason(code: errno) }
            guard let limit, let last = end else { continue }
            if !isStopping, limit.shouldStop() {
                isStopping = true
                end = min(last, .now + Limit.grace)
            } else if .now > last {
                kill(-process, isOverdue ? SIGKILL : SIGTERM)
                isOverdue = true
                end = .now + Limit.grace
            }
            usleep(20_000)
        }
        if isOverdue { Self.endGroup(process) }
        return (ProcessEnd(status: status).shellStatus, isOverdue)
    }

    /// Kills the rest of a session whose first process has ended: others may have ignored the signal that ended it.
    private static func endGroup(_ process: Int32) {
        let end = ContinuousClock.now + Limit.grace
        while kill(-process, 0) == 0 {
            if .now > end {
                kill(-process, SIGKILL)
                return
            }
            usleep(20_000)
        }
    }

    /// The result of a system call.
    private static func check<Count: SignedInteger>(_ result: Count) throws(Spawn.Reason) -> Count {
        guard result >= 0 else { throw Spawn.Reason(code: errno) }
        return result
    }
}
