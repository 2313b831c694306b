import Foundation
import TestFiles
import Testing

@testable import Store

/// How much room a state file takes.
struct RoomTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache, on: .ext4, patience: .seconds(20), now: Timestamp.now)
    }

    private func size(_ companion: String = "") -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: folder.cache.stateFile + companion)
        return attributes?[.size] as? Int ?? 0
    }

    @Test func aLogThatALargeJobHasMadeBecomesSmallAgain() throws {
        _ = try store.addJob(40_000)
        #expect(size("-wal") > Journal.sizeAtRest, "else this tests nothing")
        for _ in 0..<3 { _ = try store.addJob(1) }
        #expect(size("-wal") <= Journal.sizeAtRest + (1 << 20))
    }

    @Test func aFileShrinksOnceItsJobsAreForgotten() throws {
        let job = try store.addJob(5_000).id
        let other = try store.addJob(1)
        #expect(try store.shrink() == 0)
        _ = try store.cancel(job)
        try store.forget(job)
        #expect(try store.shrink() > 500_000)
        #expect(try store.shrink() == 0)
        #expect(try store.job(other.id) == other)
    }

    @Test func aJobThatWasWithdrawnUsesUpNoNumber() throws {
        _ = try store.addJob(1)
        let refused = try store.addJob(1)
        #expect(try store.withdraw(refused.id))
        #expect(try store.addJob(1).id == refused.id)
        let latest = try store.addJob(1)
        #expect(try store.withdraw(refused.id))
        #expect(try store.addJob(1).id.rawValue == latest.id.rawValue + 1)
    }
}
