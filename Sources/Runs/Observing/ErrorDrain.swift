import Artifacts
import CLinux
import Foundation
import Synchronization

/// Drains a child's standard error, so it never blocks: the first megabyte goes to a file, the end is remembered.
final class ErrorDrain: Sendable {
    private let tail = Mutex<[UInt8]>([])
    private let isStopped = Atomic(false)
    private let hasEnded = DispatchSemaphore(value: 0)
    /// Why nothing of it goes to the file, if nothing does.
    let logTrouble: FileError?
    private static let logLimit = 1 << 20
    private static let tailLimit = 2048

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - descriptor: The pipe, which is closed at its end or on ``stop()``.
    ///   - log: The file that is appended to.
    init(_ descriptor: Int32, log: String) {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        // A large pipe is emptied less often; where that is not allowed, it stays small.
        _ = fcntl(descriptor, SPD_F_SETPIPE_SZ, 1 << 20)
        let file: Int32
        do throws(FileError) {
            (file, logTrouble) = (try DurableFile.openToAppend(log), nil)
        } catch {
            (file, logTrouble) = (-1, error)
        }
        let thread = Thread { [self] in
            drain(descriptor, into: file)
            close(descriptor)
            if file >= 0 { close(file) }
            hasEnded.signal()
        }
        thread.name = "observer"
        thread.start()
    }

    /// The last line that says something.
    ///
    /// - Parameter patience: How long to wait for the pipe to be closed.
    /// - Returns: The line; empty if nothing was said.
    func lastLine(after patience: DispatchTimeInterval) -> String {
        // The next caller must not wait again.
        if hasEnded.wait(timeout: .now() + patience) == .success { hasEnded.signal() }
        let text = String(decoding: tail.withLock { $0 }, as: UTF8.self)
        let line = text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) } ?? ""
        return String(line.prefix(300).filter { !$0.isNewline && ($0.isASCII ? $0 >= " " : true) })
    }

    /// Ends reading, even if another process still holds the other end, once what was said before is in the log.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        if hasEnded.wait(timeout: .now() + .seconds(1)) == .success { hasEnded.signal() }
    }

    /// Keeps the end of what was read; whole pages are copied as such, so a flood costs little.
    private func remember(_ buffer: [UInt8], _ count: Int) {
        let kept = min(count, Self.tailLimit)
        let end = buffer.withUnsafeBytes { Array($0[(count - kept)..<count]) }
        tail.withLock { tail in
            if kept == Self.tailLimit {
                tail = end
            } else {
                tail = Array((tail + end).suffix(Self.tailLimit))
            }
        }
    }

    private func drain(_ descriptor: Int32, into file: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var room = Self.logLimit
        var information = stat()
        if file >= 0, fstat(file, &information) == 0 { room -= Int(information.st_size) }
        while true {
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, 100) > 0 else {
                if isStopped.load(ordering: .relaxed) { return }
                continue
            }
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            if room > 0, file >= 0 {
                let part = min(count, room)
                _ = write(file, &buffer, part)
                room -= part
                if room == 0 {
                    let note = "\n[more than a megabyte; the rest is left out]\n"
                    _ = note.withCString { write(file, $0, strlen($0)) }
                }
            }
            remember(buffer, count)
            if isStopped.load(ordering: .relaxed) { return }
        }
    }
}
