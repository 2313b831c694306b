import Foundation
import Testing

@testable import Store

/// Agents whose command was killed before it had started them.
struct UnstartedAgentsTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    @Test(arguments: [true, false])
    func theNextCommandEndsThemAndSpeaksOfThemOnlyIfWorkIsLeft(isWorkLeft: Bool) async throws {
        let (store, job) = try addJob(agents: 2)
        try FileManager.default.createDirectory(atPath: job.folder.path, withIntermediateDirectories: true)
        if !isWorkLeft {
            // The first agent came, and did everything.
            let first = AgentIdentity(
                given: try store.agents(of: job.id)[0].id, host: AgentIdentity.thisHost, pid: 1,
                slurm: SlurmPlace(environment: [:]))
            let agent = try store.registerAgent(first, for: job.id)
            let claim = try #require(try store.claimNext(of: job.id, by: agent, lease: .seconds(60)))
            try store.complete(claim, metrics: [:])
            try store.agentEnded(agent, reason: "no spec is left")
        }

        let answer = try await bench.orchestrator(["list"])
        #expect(answer.code == 0)
        let note = "2 agents never started, because the command was interrupted; `orchestrator resume 1` starts agents"
        #expect(answer.error == (isWorkLeft ? "orchestrator: job 1: \(note)\n" : ""))
        #expect(try store.agents(of: job.id).map(\.state) == [.ended, .ended])
        #expect(try await bench.orchestrator(["list"]).error == "")
    }

    private func addJob(agents: Int = 1) throws -> (Store, Job) {
        let store = try Store(CacheFolder(path: bench.cache), now: { Timestamp.now() + .seconds(-10) })
        let job = try store.insertJob(
            NewJob(token: "spd-b", submittedFrom: "/", executor: .local, agentCount: agents),
            specs: [NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 1)]
        ) { _ in }
        return (store, job)
    }

    @Test func theyEndWhereTheirJobsFolderIsGone() async throws {
        let (store, job) = try addJob()
        #expect(!FileManager.default.fileExists(atPath: job.folder.path))
        #expect(try await bench.orchestrator(["list"]).error.contains("1 agent never started"))
        #expect(try store.agents(of: job.id).map(\.state) == [.ended])
    }

    @Test func whatKeepsThemFromBeingEndedIsTold() async throws {
        let (store, job) = try addJob()
        try FileManager.default.createDirectory(atPath: job.folder.launchLock, withIntermediateDirectories: true)
        let answer = try await bench.orchestrator(["list"])
        #expect(answer.code == 0)
        #expect(answer.error == "orchestrator: cannot create \(job.folder.launchLock): Is a directory\n")
        #expect(try store.agents(of: job.id).map(\.state) == [.starting])
    }
}
