import Testing

@testable import Artifacts

struct SignalEchoTests {
    /// What a handler is told of signals at some times, in milliseconds.
    private func echoes(at times: [Int]) -> [Bool] {
        let signals = SignalEcho()
        return times.map { signals.isEcho(at: $0) }
    }

    @Test func aSignalThatArrivesTwiceAtOnceIsOne() {
        #expect(echoes(at: [5000, 5000, 5199]) == [false, true, true])
    }

    @Test func aSignalThatIsSentAgainIsAnother() {
        #expect(echoes(at: [5000, 5200, 9000]) == [false, false, false])
    }

    /// The first is none, whatever the clock says.
    @Test func theClockIsTheSystems() {
        let signals = SignalEcho()
        let first = signals.isEcho()
        let second = signals.isEcho(at: 1)
        #expect([first, second] == [false, true])
    }
}
