import Artifacts
import Foundation
import Glibc
import Layout
import Metrics
import Runs
import Synchronization
import WandB

/// A run's messages: to the agent's output, to the run's `output.log`, and to W&B.
///
/// A log that cannot be written never fails a run.
final class RunLog: Sendable {
    private let run: String
    private let descriptor: Int32
    /// Why what is said is not kept in the run's folder, if it is not.
    let trouble: FileError?
    private let isQuiet: Bool
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private let lastProgress = Mutex<ContinuousClock.Instant?>(nil)
    /// Why standard output did not take all of what was said; a pipe that nobody reads any more is no reason.
    private let unwritten = Mutex<Int32?>(nil)

    init(run: String, folder: RunFolder, isQuiet: Bool) throws(FileError) {
        try folder.create()
        self.run = run
        self.isQuiet = isQuiet
        do throws(FileError) {
            (descriptor, trouble) = (try DurableFile.openToAppend(folder.log), nil)
        } catch {
            (descriptor, trouble) = (-1, error)
        }
        if let trouble { show("the run's log is not kept: \(trouble)", isLasting: true) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Says a line.
    func say(_ line: String) {
        let stamped = Date.now.ISO8601Format() + " " + line + "\n"
        if descriptor >= 0 { _ = stamped.withCString { write(descriptor, $0, strlen($0)) } }
        show(line, isLasting: true)
    }

    /// Says how far the run is, or the training of its target: redrawn in place on a terminal, else every few seconds.
    ///
    /// - Parameters:
    ///   - progress: How far.
    ///   - target: Whether it is the target's.
    /// - Returns: The line, every few seconds, for others who keep what the run says.
    func note(_ progress: RunProgress, ofTarget target: Bool = false) -> String? {
        guard !isQuiet else { return nil }
        let isDue = lastProgress.withLock { last in
            guard last.map({ .now - $0 >= .seconds(5) }) ?? true else { return false }
            last = .now
            return true
        }
        guard isDue || isTerminal else { return nil }
        let line = (target ? "target " : "") + Self.line(progress)
        if isTerminal { show(line, isLasting: false) } else { say(line) }
        return isDue ? line : nil
    }

    private func show(_ line: String, isLasting: Bool) {
        let start = isTerminal ? "\r\u{1B}[K" : Date.now.ISO8601Format() + " "
        guard !StandardStreams.write("\(start)\(run)  \(line)\(isLasting ? "\n" : "")") else { return }
        let code = errno
        if code != EPIPE { unwritten.withLock { $0 = code } }
    }

    /// Checks that standard output accepted the output: for a program whose answer that is.
    func checkOutput() throws(FileError) {
        guard let code = unwritten.withLock({ $0 }) else { return }
        throw FileError(.write, "standard output", reason: String(cString: strerror(code)))
    }

    static func line(_ progress: RunProgress) -> String {
        var parts = ["step \(progress.step)/\(progress.steps)"]
        if let rate = progress.stepsPerSecond, rate > 0 {
            let seconds = Int(Double(progress.steps - progress.step) / rate)
            parts.append(String(format: "%.1f steps/s", rate))
            parts.append("ETA " + TimeSpan.words(.seconds(seconds)))
        }
        parts += progress.losses.sorted { $0.key < $1.key }.map { name, loss in
            (Metric.named(name)?.shortName ?? name) + " " + Metric.text(loss, digits: 3)
        }
        return parts.joined(separator: "  ")
    }
}
