import Glibc
import Testing

@testable import Artifacts

struct ProcessTests {
    @Test func anEndIsReadAsTheKernelHasIt() {
        #expect(ProcessEnd(status: 0) == .exited(code: 0))
        #expect(ProcessEnd(status: 3 << 8) == .exited(code: 3))
        #expect(ProcessEnd(status: 255 << 8).shellStatus == 255)
        #expect(ProcessEnd(status: SIGKILL) == .signalled(SIGKILL))
        // With a core dump.
        #expect(ProcessEnd(status: SIGSEGV | 0x80) == .signalled(SIGSEGV))
        #expect(ProcessEnd(status: SIGTERM).shellStatus == 128 + SIGTERM)
        #expect(ProcessEnd(status: SIGTERM).code == nil)
    }

    @Test func aPipesEndsAreNotForProgramsThatAreStarted() throws {
        let ends = try PipeEnds()
        defer { for end in [ends.exit, ends.entry] { close(end) } }
        for end in [ends.exit, ends.entry] { #expect(fcntl(end, F_GETFD) & FD_CLOEXEC != 0) }
        #expect(write(ends.entry, "x", 1) == 1)
        var byte: UInt8 = 0
        #expect(read(ends.exit, &byte, 1) == 1)
        #expect(byte == UInt8(ascii: "x"))
    }

    @Test func aProcessIsKnownBehindWhateverNameItHas() throws {
        let numbers = "1 1 1 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 1 0 4242 1000 50"
        let running = try #require(ProcessRecord("47 (a) S (b)) R \(numbers)\n"))
        #expect(!running.isOver)
        #expect(running.ticks == 12)
        #expect(running.start == 4242)
        #expect(try #require(ProcessRecord("47 (sh) Z \(numbers)")).isOver)
        #expect(ProcessRecord("47 (sh) R 1 1") == nil)
        let own = try #require(KernelFiles().process(getpid()))
        #expect(!own.isOver)
        #expect(own.start == KernelFiles().thisProcess?.start)
        #expect(KernelFiles().process(0) == nil)
    }

    @Test func durationsHaveTwoPlaces() {
        #expect(TimeSpan.words(.seconds(8)) == "8 s")
        #expect(TimeSpan.words(.seconds(250)) == "4 min 10 s")
        #expect(TimeSpan.words(.seconds(7500)) == "2 h 5 min")
        #expect(TimeSpan.words(.seconds(3600 * 76)) == "3 d 4 h")
    }
}
