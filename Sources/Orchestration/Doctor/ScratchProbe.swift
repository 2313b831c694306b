import Artifacts
import Foundation

/// Tries out what agents do with files, in a folder that may be thrown away.
package struct ScratchProbe {
    package let folder: String
    package let environment: [String: String]

    private enum Limit {
        static let slowFlush = Duration.milliseconds(100)
        static let clock = 2.0
        static let badClock = 20.0
        static let child = Duration.seconds(5)
    }

    package func findings() -> [Finding] {
        do throws(FileError) {
            return [try flush(), try renaming()] + (try twoProcesses()) + [try clock(), try running()]
        } catch {
            return [.problem("files", "\(error)", "look at the quota and the file system")]
        }
    }

    /// How long a flush to disk takes: every claim waits for that.
    private func flush() throws(FileError) -> Finding {
        let path = folder + "/flush"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw failure(path) }
        defer { close(file) }
        let block = [UInt8](repeating: 7, count: 4096)
        var times: [Duration] = []
        while times.count < 11, times.reduce(.zero, +) < .seconds(5) {
            let start = ContinuousClock.now
            guard pwrite(file, block, block.count, 0) == block.count, fsync(file) == 0 else { throw failure(path) }
            times.append(.now - start)
        }
        let median = times.sorted()[times.count / 2]
        let text =
            "bytes are on the disk after \((median / .milliseconds(1)).formatted(.number.precision(.fractionLength(1)))) ms"
        return median < Limit.slowFlush
            ? .ok("fsync", text)
            : .warning(
                "fsync", text, "agents wait for it when they claim and report: use fewer agents, or a faster disk")
    }

    /// A reader keeps reading the old file when a new one takes its name.
    private func renaming() throws(FileError) -> Finding {
        let path = folder + "/renamed"
        try DurableFile.write("old", to: path)
        let reader = open(path, O_RDONLY | O_CLOEXEC)
        guard reader >= 0 else { throw failure(path) }
        defer { close(reader) }
        try DurableFile.write("new", to: path)
        var bytes = [UInt8](repeating: 0, count: 8)
        let count = pread(reader, &bytes, bytes.count, 0)
        guard bytes.prefix(max(0, count)).elementsEqual("old".utf8),
            try DurableFile.read(path, limit: 8).elementsEqual("new".utf8)
        else {
            return .problem(
                "rename", "a file replaced while it is read is lost to its reader",
                "set SPD_CACHE_DIR to another file system")
        }
        return .ok("rename", "files are replaced atomically, even while they are read")
    }

    /// What a second process sees of a lock and of a file as soon as they are there.
    private func twoProcesses() throws(FileError) -> [Finding] {
        let path = folder + "/lock"
        let other = "another process"
        let locks: HeldLocks
        do { locks = try HeldLocks(taking: path) } catch {
            let look = LockReport(lookingAt: path)
            return [look.problem(expected: .free, subject: "locks", other: other) ?? .problem("locks", "\(error)", "")]
        }
        let token = UUID().uuidString
        try DurableFile.write(token, to: folder + "/seen")
        let held = look(at: path)
        locks.close()
        let free = look(at: path)
        var findings: [Finding] = []
        switch (held, free) {
        case (.success(let held), .success(let free)):
            findings.append(
                held.locks.problem(expected: .held, subject: "locks", other: other)
                    ?? free.locks.problem(expected: .free, subject: "locks", other: other)
                    ?? .ok("locks", "another process sees them, and their release"))
            findings.append(
                held.text == token
                    ? .ok("visibility", "another process sees a new file at once")
                    : .problem(
                        "visibility", "another process does not see a file that was just written",
                        "set SPD_CACHE_DIR to another file system"))
        case (.failure(let trouble), _), (_, .failure(let trouble)):
            findings.append(.problem("locks", "a second process \(trouble)", "report this"))
        }
        return findings
    }

    private func look(at path: String) -> Result<Probe.Sight, ChildProcess.Trouble> {
        let child = ChildProcess(
            command: [Program.path, Probe.command, "look", path, folder + "/seen"], environment: environment)
        do throws(ChildProcess.Trouble) {
            let answer = try child.run(patience: Limit.child)
            do { return .success(try JSONDecoder().decode(Probe.Sight.self, from: Data(answer.output))) } catch {
                return .failure(.cannotStart(reason: answer.error.isEmpty ? "it printed nothing" : answer.error))
            }
        } catch {
            return .failure(error)
        }
    }

    /// Leases are in this machine's time; the machine that stamps files has its own clock.
    private func clock() throws(FileError) -> Finding {
        let path = folder + "/clock"
        let before = Date().timeIntervalSince1970
        try DurableFile.write("now", to: path)
        var info = stat()
        guard stat(path, &info) == 0 else { throw failure(path) }
        let stamp = Double(info.st_mtim.tv_sec) + Double(info.st_mtim.tv_nsec) / 1e9
        let after = Date().timeIntervalSince1970
        let skew = stamp < before ? stamp - before : stamp > after ? stamp - after : 0
        return Self.clock(skew, of: "the file system", subject: "clock")
    }

    /// The finding for a clock that is `skew` seconds ahead of this machine's.
    package static func clock(_ skew: Double, of other: String, subject: String) -> Finding {
        let text = "\(other)'s clock is \(StatusText.time(.seconds(abs(skew)))) \(skew < 0 ? "behind" : "ahead")"
        let advice = "keep both clocks right with NTP or chrony: a lease of 60 s depends on the clock"
        if abs(skew) > Limit.badClock { return .problem(subject, text, advice) }
        if abs(skew) > Limit.clock { return .warning(subject, text, advice) }
        return .ok(subject, "\(other) has the same time")
    }

    /// ST_NOEXEC, which glibc's headers hide from Swift.
    private static let noExec: UInt = 8

    /// Agents run the worker that is in the job's folder.
    private func running() throws(FileError) -> Finding {
        var info = statvfs()
        guard statvfs(folder, &info) == 0 else { throw failure(folder) }
        return info.f_flag & Self.noExec == 0
            ? .ok("programs", "programs can run from there, as jobs' workers do")
            : .problem(
                "programs", "it is mounted `noexec`: jobs' workers cannot be run from there",
                "mount it without noexec, or set SPD_CACHE_DIR to another file system")
    }

    private func failure(_ path: String) -> FileError {
        FileError(.write, path, reason: String(cString: strerror(errno)))
    }
}
