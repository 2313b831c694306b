import Foundation
import GRDB
import TestFiles
import Testing

@testable import Store

/// State files that were moved or copied.
struct PlaceTests {
    let folder: TemporaryFolder
    let cache: CacheFolder
    let copy: CacheFolder

    init() throws {
        folder = try TemporaryFolder()
        cache = CacheFolder(path: folder.path + "/one")
        copy = CacheFolder(path: folder.path + "/two")
    }

    private func makeCopy() throws { try FileManager.default.copyItem(atPath: cache.path, toPath: copy.path) }

    @Test func aCopyBecomesACacheOfItsOwnAndKnowsItsOriginal() throws {
        let (open, done): (Job, Job)
        do {
            let store = try Store(cache)
            done = try store.addJob(1)
            open = try store.addJob(2)
            let agent = try store.addAgent(to: done.id)
            let claim = try #require(try store.claimNext(of: done.id, by: agent, lease: lease))
            try store.complete(claim, metrics: [:])
            _ = try store.claimNext(of: open.id, by: try store.addAgent(to: open.id), lease: lease)
            try store.addSbatchCalls([("submit.sh", 1)], to: open.id)
        }
        try makeCopy()
        let store = try Store(copy)
        #expect(store.original == Original(path: cache.path, isNews: true))
        #expect(
            try store.openWork(of: open.id) == OpenWork(pending: 2, running: 0), "the original's agent keeps its own")
        #expect(try store.agents(of: open.id).map(\.state) == [.ended])
        #expect(try store.sbatchCalls(of: open.id).map(\.state) == [.refused])
        let token = try store.job(open.id).token
        #expect(token != open.token && token.count <= open.token.count)
        #expect(try store.job(done.id).token == done.token)
        #expect(try store.jobsToFinish().isEmpty)
        #expect(try Store(copy).original == Original(path: cache.path, isNews: false))
        let original = try Store(cache)
        #expect(original.original == nil)
        #expect(try original.openWork(of: open.id) == OpenWork(pending: 1, running: 1))
        #expect(try original.job(open.id).token == open.token)
        try FileManager.default.removeItem(atPath: cache.path)
        #expect(try Store(copy).original == nil, "nobody else sends its runs")
    }

    @Test func aMovedCacheIsNoCopy() throws {
        let job = try Store(cache).addJob(1)
        try FileManager.default.moveItem(atPath: cache.path, toPath: copy.path)
        let store = try Store(copy)
        #expect(store.original == nil)
        #expect(try store.job(job.id).token == job.token)
        _ = try Store(cache).addJob(1)
        #expect(try Store(copy).original == nil, "another cache at the old place has other runs")
    }

    @Test func aCacheReachedThroughALinkIsTheSame() throws {
        let job = try Store(cache).addJob(1)
        try FileManager.default.createSymbolicLink(atPath: copy.path, withDestinationPath: cache.path)
        let store = try Store(copy)
        #expect(store.original == nil)
        #expect(try store.job(job.id).token == job.token)
    }

    @Test func aStateFileOfTheVersionBeforeThatWasCopiedFindsItsOriginal() throws {
        let job: Job
        do {
            let store = try Store(cache)
            job = try store.addJob(2)
            try store.write { db in
                // As it was before the step.
                try db.execute(
                    sql: """
                        DROP TABLE place; ALTER TABLE job DROP COLUMN steps_known;
                        UPDATE job SET folder = '\(cache.path)/jobs/' || id; UPDATE run SET folder = '\(cache.path)/runs/' || id;
                        UPDATE spec SET target_files = '\(cache.path)/targets/copy-12/tms.pth';
                        DELETE FROM grdb_migrations WHERE identifier = 'where the cache lies'
                        """)
            }
        }
        try makeCopy()
        let store = try Store(copy)
        #expect(store.original?.path == cache.path)
        #expect(try store.job(job.id).folder.path == copy.path + "/jobs/1")
        #expect(try !store.job(job.id).hasPresentWorker)
        #expect(
            try store.specs(of: job.id).map(\.targetFiles) == [
                copy.path + "/targets/copy-12/tms.pth", copy.path + "/targets/copy-12/tms.pth",
            ])
        #expect(
            try store.read { try String.fetchAll($0, sql: "SELECT folder FROM job UNION SELECT folder FROM run") }
                .allSatisfy { !$0.hasPrefix("/") })
        #expect(try Store(cache).original == nil)
    }
}
