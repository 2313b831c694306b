import Artifacts
import Foundation
import JSON

/// Why an observer gives no answer.
struct ObserverTrouble: Error, CustomStringConvertible {
    let description: String
    /// Whether it was given up because the run was asked to stop, and not for its own fault.
    var isStop = false
}

/// One process of an observer: a child in its own session that communicates in lines.
///
/// The child is started through `worker run-observer`, which limits its memory, sees to it that it ends with this process,
/// and with it whatever it has started. Whatever it does, no call here exceeds its time limit.
final class ObserverProcess {
    /// What is started, and how.
    struct Setup {
        /// The program that prepares the process: the worker.
        var launcher: String
        /// The observer's file.
        var program: String
        /// Its working folder.
        var folder: String
        /// Bytes of memory.
        var memory: Int
        /// The folder that helpers are imported from.
        var helpers: String
    }

    private let pid: pid_t
    private let input: Int32
    private let output: Int32
    private let errors: ErrorDrain
    private var pending: [UInt8] = []
    /// Where in it no line ends.
    private var searched = 0
    private var isOver = false
    private var isInputClosed = false
    private var isClosed = false

    /// A longer answer is rubbish.
    private static let answerLimit = 16 << 20

    /// Starts the child.
    ///
    /// - Parameters:
    ///   - setup: What to start.
    ///   - log: Where its standard error goes, up to a megabyte.
    /// - Throws: `ObserverTrouble`.
    init(_ setup: Setup, log: String) throws(ObserverTrouble) {
        let (toChild, fromChild, errorsOfChild) = (try Self.pipe(), try Self.pipe(), try Self.pipe())
        let (read, write, complain) = (toChild.exit, fromChild.entry, errorsOfChild.entry)
        // A child that has ended must not end this process with it.
        signal(SIGPIPE, SIG_IGN)
        let started = Spawn.start(
            [
                setup.launcher, "run-observer", "--memory", String(setup.memory), "--folder", setup.folder,
                setup.program,
            ],
            environment: Self.environment(ProcessInfo.processInfo.environment, helpers: setup.helpers),
            resetting: [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2]
        ) { files in
            posix_spawn_file_actions_adddup2(&files, read, 0)
            posix_spawn_file_actions_adddup2(&files, write, 1)
            posix_spawn_file_actions_adddup2(&files, complain, 2)
        }
        for end in [read, write, complain] { close(end) }
        (input, output) = (toChild.entry, fromChild.exit)
        switch started {
        case .success(let process): pid = process
        case .failure(let reason):
            for end in [toChild.entry, fromChild.exit, errorsOfChild.exit] { close(end) }
            throw ObserverTrouble(description: "cannot be started: \(reason)")
        }
        for end in [input, output] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        errors = ErrorDrain(errorsOfChild.exit, log: log)
    }

    deinit { kill() }

    private static func pipe() throws(ObserverTrouble) -> PipeEnds {
        do throws(Spawn.Reason) { return try PipeEnds() } catch {
            throw ObserverTrouble(description: "cannot be started: \(error)")
        }
    }

    /// Why what it complains of is not kept, if it is not.
    var logTrouble: FileError? { errors.logTrouble }

    /// The end of its standard error, on one line; that of a finished process may still be on its way.
    var lastWords: String { errors.lastLine(after: isOver ? .seconds(1) : .milliseconds(20)) }

    /// What the child needs and what is harmless: no key of W&B's, SLURM's or anybody else's.
    static func environment(_ all: [String: String], helpers: String) -> [String: String] {
        let plain = [
            "PATH", "HOME", "LANG", "TMPDIR", "TZ", "USER", "LOGNAME", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX",
            "PYTHONHOME", "PYTHONPATH", "MPLCONFIGDIR",
        ]
        var environment = all.filter { plain.contains($0.key) || $0.key.hasPrefix("LC_") }
        environment["PATH"] = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        environment["PYTHONPATH"] = [environment["PYTHONPATH"], helpers].compactMap(\.self).joined(separator: ":")
        // It shares the run's cores.
        for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] { environment[name] = "1" }
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        return environment
    }
}

extension ObserverProcess {
    /// Says a line and waits for one.
    ///
    /// - Parameters:
    ///   - line: The question.
    ///   - limit: How long the answer may take.
    ///   - goesOn: Asked ten times a second; once it says no, the answer has a few seconds left.
    /// - Returns: The answer.
    /// - Throws: `ObserverTrouble`; the process is of no use any more.
    func ask(_ line: JSONValue, within limit: Duration, goesOn: () -> Bool) throws(ObserverTrouble) -> JSONValue {
        var end = ContinuousClock.now + limit
        var isStopping = false
        var question = Array((line.text + "\n").utf8)[...]
        while true {
            if let answer = takeLine() { return try Self.parsed(answer) }
            if !isStopping, !goesOn() {
                isStopping = true
                end = min(end, .now + .seconds(5))
            }
            guard .now < end else {
                throw ObserverTrouble(
                    description: isStopping
                        ? "gave no answer before the run had to stop" : "gave no answer for \(limit)",
                    isStop: isStopping)
            }
            try exchange(&question, until: min(end, .now + .milliseconds(100)))
        }
    }

    /// Refuses what was said unasked: it would be mistaken for the next answer, and each answer for that of the step
    /// before.
    func expectSilence() throws(ObserverTrouble) {
        try collect()
        guard pending.isEmpty else { throw ObserverTrouble(description: "said more than one line to a question") }
    }

    /// Writes and reads what can be, and waits until something can.
    private func exchange(_ question: inout ArraySlice<UInt8>, until end: ContinuousClock.Instant)
        throws(ObserverTrouble)
    {
        var polled = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
        if !question.isEmpty { polled.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
        poll(&polled, nfds_t(polled.count), Int32(max(1, (end - .now) / .milliseconds(1))))
        if polled.count > 1, polled[1].revents != 0 {
            let count = question.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            if count > 0 { question = question.dropFirst(count) }
            guard count >= 0 || errno == EAGAIN || errno == EINTR else { throw ended }
        }
        if polled[0].revents != 0 { try collect() }
    }

    /// Takes what has been said so far.
    private func collect() throws(ObserverTrouble) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(output, &buffer, buffer.count)
        if count > 0 { pending += buffer[..<count] }
        guard count != 0, count > 0 || errno == EAGAIN || errno == EINTR else { throw ended }
        guard pending.count <= Self.answerLimit else {
            throw ObserverTrouble(description: "gave an answer of more than \(Self.answerLimit >> 20) MB")
        }
    }

    private func takeLine() -> [UInt8]? {
        guard let newline = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = pending.count
            return nil
        }
        let line = Array(pending[..<newline])
        pending.removeFirst(newline + 1)
        searched = 0
        return line
    }

    private static func parsed(_ line: [UInt8]) throws(ObserverTrouble) -> JSONValue {
        if let value = try? JSONValue(parsing: line), case .object = value { return value }
        let text = String(decoding: line.prefix(60), as: UTF8.self)
        throw ObserverTrouble(
            description: "expected a JSON object on a line, found '\(text)\(line.count > 60 ? "…" : "")'")
    }

    /// How it ended, once its output is closed.
    private var ended: ObserverTrouble {
        var status: Int32 = 0
        for _ in 0..<100 {
            var information = siginfo_t()
            // It stays until it is killed with its children: its number cannot become another's before.
            guard waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0 else { break }
            if information.si_signo == SIGCHLD {
                waitpid(pid, &status, 0)
                isOver = true
                switch ProcessEnd(status: status) {
                case .signalled(let signal): return ObserverTrouble(description: "was ended by signal \(signal)")
                case .exited(let code): return ObserverTrouble(description: "ended with code \(code)")
                }
            }
            usleep(10_000)
        }
        return ObserverTrouble(description: "closed its standard output")
    }

    /// Lets the child end on its own, for a moment: its input is over.
    func finish() {
        close(input)
        isInputClosed = true
        for _ in 0..<200 where !isOver {
            var information = siginfo_t()
            guard waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0, information.si_signo == 0
            else { break }
            usleep(10_000)
        }
        kill()
    }

    /// Kills the child and everything it has started: `run-observer` does this.
    func kill() {
        if !isOver {
            var status: Int32 = 0
            for signal in [SIGTERM, SIGKILL] where !isOver {
                Foundation.kill(pid, signal)
                // What hangs in a dead file system cannot be killed; it is left behind.
                for _ in 0..<600 where !isOver {
                    isOver = waitpid(pid, &status, WNOHANG) != 0
                    if !isOver { usleep(5_000) }
                }
            }
            isOver = true
        }
        guard !isClosed else { return }
        isClosed = true
        if !isInputClosed { close(input) }
        close(output)
        errors.stop()
    }
}
