import Synchronization
import Testing

@testable import Kernels

/// Threads that have no part of a step help with the parts of others.
@Suite struct CrewsTests {
    @Test(arguments: [1, 2, 3, 8, 17, 64], [1, 3, 8])
    func everyPieceOfEveryPartIsDoneOnce(threads: Int, parts: Int) throws {
        let team = try Team(threads: threads)
        let crews = try Crews(parts: parts, team: team)
        let pieces = 50
        for round in 1...3 {
            let done = Storage(count: parts * pieces * 16)
            crews.share { part in
                let crew = crews[part]
                for region in 0..<16 {
                    crew.share(pieces) { done.pointer[(part * pieces + $0) * 16 + region] += 1 }
                    // A region is over when its leader goes on.
                    for piece in 0..<pieces where done.pointer[(part * pieces + piece) * 16 + region] != 1 {
                        Issue.record("piece \(piece) of part \(part), round \(round)")
                    }
                }
            }
            #expect(done.values(0, done.count).allSatisfy { $0 == 1 })
        }
    }

    /// The first piece waits for the second, which only another thread can be at.
    @Test func aThreadWithoutAPartHelps() throws {
        let team = try Team(threads: 2)
        let crews = try Crews(parts: 1, team: team)
        let hasHelped = Atomic(false)
        crews.share { part in
            crews[part].share(2) { piece in
                if piece == 1 { hasHelped.store(true, ordering: .releasing) }
                while !hasHelped.load(ordering: .acquiring) {}
            }
        }
        let isHelped = hasHelped.load(ordering: .acquiring)
        #expect(isHelped)
    }

    @Test(arguments: [1, 31, 450, 512, 2048], [1, 2, 64])
    func columnsAreCutIntoWholePanels(columns: Int, threads: Int) throws {
        let team = try Team(threads: threads)
        let crews = try Crews(parts: 2, team: team)
        let seen = Storage(count: columns)
        crews.share { part in
            guard part == 0 else { return }
            crews[part].shareColumns(columns) { range in
                if range.lowerBound % 32 != 0 || range.count > 256 { Issue.record("\(range)") }
                for column in range { seen.pointer[column] += 1 }
            }
        }
        #expect(seen.values(0, columns).allSatisfy { $0 == 1 })
    }

    /// No two threads that work at the same time have the same memory.
    @Test(arguments: [1, 5, 64])
    func eachThreadHasItsOwnMemory(threads: Int) throws {
        final class Owner { let isBusy = Atomic(false) }
        let team = try Team(threads: threads)
        let memory = PerThread(threads: threads) { Owner() }
        team.share(500) { _ in
            let own = memory.own
            if own.isBusy.exchange(true, ordering: .acquiring) { Issue.record("two threads share their memory") }
            for _ in 0..<100 where !own.isBusy.load(ordering: .relaxed) { Issue.record("lost") }
            own.isBusy.store(false, ordering: .releasing)
        }
    }
}
