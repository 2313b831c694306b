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
        // Held in memory whole, for a program that does not read its input must not end whoever writes it.
        let question = try Self.check(spd_memory_file())
        defer { close(question) }
        var rest = input[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(
                Int(try Self.check(rest.withUnsafeBytes { Glibc.write(question, $0.baseAddress, $0.count) })))
        }
        lseek(question, 0, SEEK_SET)
        guard case .captured = output else {
            return End(status: try status(of: start(question, answer: nil)), output: [])
        }
        var ends: [Int32] = [0, 0]
        _ = try Self.check(pipe2(&ends, O_CLOEXEC))
        defer { close(ends[0]) }
        let started = Result { () throws(Spawn.Reason) in try start(question, answer: ends[1]) }
        close(ends[1])
        let process = try started.get()
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard try Self.check(count) > 0 else { break }
            answer += buffer[..<count]
        }
        return End(status: try status(of: process), output: answer)
    }

    private func start(_ question: Int32, answer: Int32?) throws(Spawn.Reason) -> Int32 {
        try Spawn.start(command, environment: environment, in: folder, isDetached: false) { files in
            posix_spawn_file_actions_adddup2(&files, question, 0)
            if let answer { posix_spawn_file_actions_adddup2(&files, answer, 1) }
            if case .file(let log) = output {
                posix_spawn_file_actions_adddup2(&files, log, 1)
                posix_spawn_file_actions_adddup2(&files, log, 2)
            }
        }.get()
    }

    /// Waits for the end of a child; one whose end somebody else has collected must not pass for a success.
    private func status(of process: Int32) throws(Spawn.Reason) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw Spawn.Reason(code: errno) }
        }
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    /// The result of a system call.
    private static func check<Count: SignedInteger>(_ result: Count) throws(Spawn.Reason) -> Count {
        guard result >= 0 else { throw Spawn.Reason(code: errno) }
        return result
    }
}
