import Artifacts
import Foundation

/// A program that is run for its answer and given up when it takes too long.
///
/// Nothing it does can hang the caller: a process that is stuck in a dead network mount cannot even be killed, and is
/// left behind.
package struct ChildProcess {
    /// The output of a program that has ended.
    package struct Answer {
        /// Its exit code; nil if a signal ended it.
        package let code: Int32?
        package let output: [UInt8]
        package let error: String

        package var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// Why there is no answer.
    package enum Trouble: Error, Equatable, CustomStringConvertible {
        case cannotStart(reason: String)
        case timedOut(after: Duration)
        case tooMuch(bytes: Int)

        package var description: String {
            switch self {
            case .cannotStart(let reason): "cannot be started: \(reason)"
            case .timedOut(let duration): "gave no answer for \(StatusText.time(duration))"
            case .tooMuch(let bytes): "said more than \(RunDetails.size(bytes))"
            }
        }
    }

    /// The program's absolute path and its arguments.
    package let command: [String]
    /// All its variables.
    package let environment: [String: String]
    /// How many bytes of output are taken at most.
    package var outputLimit = 1 << 20

    /// Runs it to its end, or for at most as long as `patience`; then it is killed.
    package func run(patience: Duration) throws(Trouble) -> Answer {
        var output = try AnswerPipe()
        var error = try AnswerPipe()
        defer {
            output.close()
            error.close()
        }
        let pid = try start(output: &output, error: &error)
        let end = ContinuousClock.now + patience
        while true {
            var status: Int32 = 0
            let hasEnded = waitpid(pid, &status, WNOHANG) == pid
            // What it said before it ended is in the pipes by now.
            output.read()
            error.read()
            if hasEnded {
                guard output.bytes.count <= outputLimit else { throw .tooMuch(bytes: outputLimit) }
                return Answer(
                    code: ProcessEnd(status: status).code, output: output.bytes,
                    error: String(decoding: error.bytes, as: UTF8.self))
            }
            guard output.bytes.count <= outputLimit, error.bytes.count <= outputLimit else {
                Self.giveUp(pid)
                throw .tooMuch(bytes: outputLimit)
            }
            guard .now < end else {
                Self.giveUp(pid)
                throw .timedOut(after: patience)
            }
            AnswerPipe.wait(for: [output, error])
        }
    }

    private func start(output: inout AnswerPipe, error: inout AnswerPipe) throws(Trouble) -> pid_t {
        guard !command.isEmpty else { throw .cannotStart(reason: "no program is named") }
        let (out, err) = (output.entry, error.entry)
        let started = Spawn.start(command, environment: environment) { files in
            posix_spawn_file_actions_adddup2(&files, out, 1)
            posix_spawn_file_actions_adddup2(&files, err, 2)
        }
        let pid: pid_t
        switch started {
        case .success(let process): pid = process
        case .failure(let reason): throw .cannotStart(reason: "\(reason)")
        }
        output.closeEntry()
        error.closeEntry()
        return pid
    }

    /// Kills a process and those it started, and waits a moment for it to go.
    private static func giveUp(_ pid: pid_t) {
        kill(-pid, SIGKILL)
        for _ in 0..<20 {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid { return }
            usleep(10_000)
        }
    }
}

/// A pipe that a child writes into, and what has come out of it so far.
private struct AnswerPipe {
    private(set) var bytes: [UInt8] = []
    private(set) var entry: Int32
    private let exit: Int32
    private var isOpen = true

    init() throws(ChildProcess.Trouble) {
        do throws(Spawn.Reason) {
            let ends = try PipeEnds()
            (exit, entry) = (ends.exit, ends.entry)
        } catch { throw .cannotStart(reason: "\(error)") }
        _ = fcntl(exit, F_SETFL, O_NONBLOCK)
    }

    /// Takes what is there.
    mutating func read() {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while isOpen {
            let count = uninterrupted { Foundation.read(exit, &buffer, buffer.count) }
            if count == 0 { isOpen = false }
            guard count > 0 else { return }
            bytes += buffer[..<count]
        }
    }

    /// Waits until one of them has something, or for a few hundredths of a second.
    static func wait(for pipes: [AnswerPipe]) {
        var polled = pipes.filter(\.isOpen).map { pollfd(fd: $0.exit, events: Int16(POLLIN), revents: 0) }
        poll(&polled, nfds_t(polled.count), polled.isEmpty ? 2 : 20)
    }

    mutating func closeEntry() {
        guard entry >= 0 else { return }
        Foundation.close(entry)
        entry = -1
    }

    mutating func close() {
        closeEntry()
        Foundation.close(exit)
    }
}
