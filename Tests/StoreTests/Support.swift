import Foundation
import Synchronization
import TestFiles

@testable import Store

extension TemporaryFolder {
    var cache: CacheFolder { CacheFolder(path: path) }
}

/// A clock that the test turns.
final class HandClock: Sendable {
    private let seconds = Mutex(1_000_000.0)

    func advance(by duration: Duration) {
        seconds.withLock { $0 += duration / .seconds(1) }
    }

    var now: @Sendable () -> Timestamp {
        { Timestamp(rawValue: self.seconds.withLock { $0 }) }
    }
}

extension FileSystem {
    static let ext4 = FileSystem(magic: 0xEF53)
    static let nfs = FileSystem(magic: 0x6969)
}

let lease = Duration.seconds(60)

extension NewJob {
    static func sample(_ executor: ExecutorKind = .slurm, maxRetries: Int = 1) -> NewJob {
        NewJob(
            token: "spd-\(UUID().uuidString)", suffix: "s", project: "spd", submittedFrom: "/home/me",
            executor: executor, agentCount: 2, maxRetries: maxRetries)
    }
}

extension NewSpec {
    static func samples(_ count: Int) -> [NewSpec] {
        (0..<count).map {
            NewSpec(
                experiment: "tms_5-2", config: #"{"seed":\#($0)}"#, overrides: #"[["seed",\#($0)]]"#,
                target: nil, steps: 100)
        }
    }
}

extension Store {
    func addJob(_ count: Int, job: NewJob = .sample()) throws -> Job {
        try insertJob(job, specs: NewSpec.samples(count)) { _ in }
    }

    func addAgent(to job: JobID, pid: Int32 = 1) throws -> AgentID {
        try registerAgent(
            AgentIdentity(host: "n1", pid: pid, slurm: SlurmPlace(environment: [:])), for: job)
    }
}
