import Dispatch
import Synchronization

/// Work on thousands of things that do not depend on each other, spread over the machine's cores.
enum AllCores {
    /// Fewer are not worth a thread.
    private static let leastForThread = 256

    /// What `body` makes of pieces of a range, in the range's order.
    ///
    /// - Parameters:
    ///   - range: The places of the things.
    ///   - body: Makes what there is at some of the places; called on several threads at once.
    /// - Returns: What it makes of all of them.
    /// - Throws: What it throws for the first piece that fails.
    static func map<T: Sendable, Trouble: Error>(
        _ range: Range<Int>, _ body: @Sendable (Range<Int>) throws(Trouble) -> [T]
    ) throws(Trouble) -> [T] {
        let pieces = min(LocalAgents.cores, range.count / leastForThread)
        guard pieces > 1 else { return try body(range) }
        let results = Mutex<[Int: Result<[T], Trouble>]>([:])
        DispatchQueue.concurrentPerform(iterations: pieces) { piece in
            let part =
                range.lowerBound + range.count * piece / pieces..<range.lowerBound + range.count * (piece + 1) / pieces
            let result = Result { () throws(Trouble) in try body(part) }
            results.withLock { $0[piece] = result }
        }
        let all = results.withLock { $0 }
        var made: [T] = []
        made.reserveCapacity(range.count)
        for piece in 0..<pieces { made += try all[piece]?.get() ?? [] }
        return made
    }
}
