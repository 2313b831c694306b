import Artifacts
import Foundation
import Testing

struct SignalEchoTests {
    /// Asks as a handler does, after each of some pauses in seconds.
    private func echoes(after pauses: [Double]) -> [Bool] {
        let signals = SignalEcho()
        return pauses.map { pause in
            Thread.sleep(forTimeInterval: pause)
            return signals.isEcho()
        }
    }

    @Test func aSignalThatArrivesTwiceAtOnceIsOne() {
        #expect(echoes(after: [0, 0]) == [false, true])
    }

    @Test func aSignalThatIsSentAgainIsAnother() {
        #expect(echoes(after: [0, 0.25]) == [false, false])
    }
}
