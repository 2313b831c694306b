import Artifacts
import Foundation
import Testing

@Suite("A program that is waited for")
struct ForegroundProcessTests {
    private func run(
        _ script: String, input: [UInt8] = [], folder: String? = nil, output: ForegroundProcess.Output = .captured
    ) throws -> ForegroundProcess.End {
        try ForegroundProcess(
            ["/bin/sh", "-c", script], environment: ["GREETING": "hello"], folder: folder, input: input, output: output
        ).run()
    }

    @Test("gets its input, variables and folder; what it says comes back")
    func answers() throws {
        let end = try run("cat; echo $GREETING; pwd", input: Array("line\n".utf8), folder: "/usr")
        #expect(end.status == 0)
        #expect(String(decoding: end.output, as: UTF8.self) == "line\nhello\n/usr\n")
    }

    @Test("more than a pipe holds, both ways")
    func isLarge() throws {
        let input = [UInt8](repeating: 7, count: 3 << 20)
        #expect(try run("cat", input: input).output == input)
    }

    @Test("that does not read its input ends as it likes")
    func doesNotRead() throws {
        #expect(try run("exit 7", input: [UInt8](repeating: 7, count: 1 << 20)).status == 7)
    }

    @Test("a signal that ends it is told as a shell tells it")
    func signal() throws {
        #expect(try run("kill -TERM $$").status == 143)
    }

    @Test("writes both its outputs to the file it is given")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        let file = open(path, O_WRONLY | O_CREAT, 0o600)
        defer {
            close(file)
            unlink(path)
        }
        #expect(try run("echo one; echo two >&2", output: .file(file)).output.isEmpty)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "one\ntwo\n")
    }

    @Test func aProgramThatTakesTooLongIsEndedWithAllItStarted() throws {
        let start = ContinuousClock.now
        var process = ForegroundProcess(
            ["/bin/sh", "-c", "trap '' TERM; sleep 600 & sleep 600; sleep 600"], environment: ["PATH": "/bin:/usr/bin"],
            output: .file(STDERR_FILENO))
        process.limit = .init(.milliseconds(200))
        let end = try process.run()
        #expect(end.isOverdue && end.status == 128 + 9)
        #expect(.now - start < .seconds(60))
        // The shell ends at once, what it has started does not.
        let mark = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        process = ForegroundProcess(
            ["/bin/sh", "-c", "sh -c 'trap \"\" TERM; echo $$ > \(mark); sleep 600; sleep 600' & sleep 600"],
            environment: ["PATH": "/bin:/usr/bin"], output: .file(STDERR_FILENO))
        process.limit = .init(.milliseconds(500))
        #expect(try process.run().isOverdue)
        let child = try #require(
            Int32(try String(contentsOfFile: mark, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
        unlink(mark)
        // Killed, though a busy system may not have ended it yet, nor whoever is its parent now have looked.
        func isGone() -> Bool {
            let stat = try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)
            return ["Z", "X", nil].contains(stat?.split(separator: " ")[2])
        }
        let killed = ContinuousClock.now
        while !isGone(), .now - killed < .seconds(30) { usleep(20_000) }
        #expect(isGone())
        process.limit = .init(.seconds(600), shouldStop: { true })
        #expect(try process.run().isOverdue, "its caller is to stop")
    }

    @Test("that is not there, or has no folder to start in, is an error")
    func isMissing() throws {
        #expect(throws: Spawn.Reason.self) {
            try ForegroundProcess(["/no/such/program"], environment: [:]).run()
        }
        #expect(throws: Spawn.Reason.self) { try run("true", folder: "/no/such/folder") }
    }
}
