import Foundation
import TestFiles
import Testing

@testable import Store

struct ConcurrencyTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func eightProcessesNeverClaimTheSameSpec() async throws {
        let store = try Store(folder.cache)
        let job = try store.addJob(200).id
        let path = folder.path
        let number = job.rawValue
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    await #expect(processExitsWith: .success) {
                        [path = path as String, number = number as Int64] in
                        let store = try Store(CacheFolder(path: path))
                        let job = JobID(rawValue: number)
                        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: job)
                        while let claim = try store.claimNext(of: job, by: agent, lease: .seconds(600)) {
                            try store.complete(claim, metrics: ["pid": Double(getpid())])
                        }
                        try store.agentEnded(agent, reason: "no work left")
                    }
                }
            }
        }
        let snapshot = try store.snapshot(of: job)
        #expect(snapshot.counts[.done] == 200)
        #expect(snapshot.runs.allSatisfy { $0.attempt == 1 })
        #expect(Set(snapshot.agents.compactMap(\.pid)).count == 8)
    }

    @Test(arguments: [FileSystem.ext4, .nfs])
    func manyConnectionsShareTheSpecs(on fileSystem: FileSystem) async throws {
        let cache = folder.cache
        let store = try open(cache, on: fileSystem)
        let job = try store.addJob(120).id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    let store = try open(cache, on: fileSystem)
                    let agent = try store.addAgent(to: job, pid: Int32(number))
                    while let claim = try store.claimNext(of: job, by: agent, lease: .seconds(600)) {
                        try store.renew(claim, Progress(step: 1, steps: 100), lease: .seconds(600))
                        try store.complete(claim, metrics: [:])
                    }
                }
            }
            try await group.waitForAll()
        }
        let snapshot = try store.snapshot(of: job)
        #expect(snapshot.counts[.done] == 120)
        #expect(snapshot.runs.allSatisfy { $0.attempt == 1 })
    }

    @Test func manyProcessesMayCreateTheFileAtOnce() async throws {
        let path = folder.path
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [path = path as String] in
                        let cache = CacheFolder(path: path + "/made/by/them")
                        _ = try Store(cache).insertJob(
                            NewJob.sample(), specs: NewSpec.samples(5)
                        ) { _ in }
                    }
                }
            }
        }
        let jobs = try Store(CacheFolder(path: path + "/made/by/them")).jobs()
        #expect(jobs.map(\.counts.total) == Array(repeating: 5, count: 6))
    }

    @Test func aProcessKilledInTheMiddleLeavesWhatWasBefore() async throws {
        let store = try Store(folder.cache)
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let cache = CacheFolder(path: path)
            _ = try Store(cache).insertJob(NewJob.sample(), specs: NewSpec.samples(50)) { _ in
                kill(getpid(), SIGKILL)
            }
        }
        #expect(try store.jobs().isEmpty)
        #expect(try store.addJob(1).id == JobID(rawValue: 1))
    }
}

/// Opens the state file the way it would be opened on the given kind of file system.
private func open(_ cache: CacheFolder, on fileSystem: FileSystem) throws -> Store {
    try Store(cache, on: fileSystem, patience: .seconds(60), now: Timestamp.now)
}
