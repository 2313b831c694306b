import TestFiles
import Testing

@testable import Store

struct AgentTests {
    let folder: TemporaryFolder
    let store: Store
    let job: JobID

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache)
        job = try store.addJob(2).id
    }

    @Test func aLaunchedAgentTakesTheNumberItWasGiven() throws {
        let job = try store.addJob(1, job: .sample(.local)).id
        let given = try store.agents(of: job).map(\.id)
        try store.noteProcess(41, of: given[0])
        #expect(try store.snapshot(of: job).agents.map(\.state) == [.starting, .starting])
        let identity = AgentIdentity(
            given: given[1], host: "laptop", pid: 42, slurm: SlurmPlace(environment: [:]))
        #expect(try store.registerAgent(identity, for: job) == given[1])
        #expect(try store.job(job).submission == .submitted, "whether or not its launcher is still there to say so")
        let agents = try store.snapshot(of: job).agents
        #expect(agents.map(\.number) == [1, 2])
        #expect(agents.map(\.pid) == [41, 42])
        #expect(agents.map(\.state) == [.starting, .running])
    }

    @Test func aNumberThatIsTakenOrAnothersIsNotTakenTwice() throws {
        let job = try store.addJob(1, job: .sample(.local)).id
        let given = try store.agents(of: job)[0].id
        let identity = AgentIdentity(
            given: given, host: "laptop", pid: 42, slurm: SlurmPlace(environment: [:]))
        #expect(try store.registerAgent(identity, for: job) == given)
        #expect(try store.registerAgent(identity, for: job) != given)
        let other = try store.addJob(1).id
        #expect(try store.registerAgent(identity, for: other) != given)
    }

    @Test func anArrayTaskIsKnownByItsSlurmNumbers() throws {
        let environment = [
            "SLURM_JOB_ID": "814", "SLURM_ARRAY_JOB_ID": "812", "SLURM_ARRAY_TASK_ID": "3",
        ]
        let identity = AgentIdentity(
            host: "n17", pid: 9, slurm: SlurmPlace(environment: environment))
        let id = try store.registerAgent(identity, for: job)
        let claim = try #require(try store.claimNext(of: job, by: id, lease: lease))
        var agent = try store.snapshot(of: job).agents[0]
        #expect(agent.slurm == SlurmPlace(environment: environment))
        #expect(agent.number == 3)
        #expect(agent.run == claim.run)
        try store.complete(claim, metrics: [:])
        try store.agentEnded(id, reason: "no work left")
        agent = try store.snapshot(of: job).agents[0]
        #expect(agent.state == .ended)
        #expect(agent.run == nil)
        #expect(agent.reason == "no work left")
    }

    @Test func anAgentOfAnUnknownJobIsRefused() throws {
        #expect(throws: StoreError.unknownJob(JobID(rawValue: 9), latest: [job])) {
            try store.addAgent(to: JobID(rawValue: 9))
        }
    }

    @Test func callsAreSettledWithoutSlurmOnceTheJobHasNothingLeft() throws {
        let clock = HandClock()
        let store = try Store(CacheFolder(path: folder.path + "/other"), now: clock.now)
        let job = try store.addJob(1).id
        try store.addSbatchCalls([("submit.sh", 1), ("submit-2.sh", 1), ("submit-3.sh", 1)], to: job)
        for call in try store.sbatchCalls(of: job)[..<2] { try store.begin(call) }
        let place = SlurmPlace(job: 813, arrayJob: 812, arrayTask: 1)
        let agent = try store.registerAgent(AgentIdentity(host: "n1", pid: 9, slurm: place), for: job)
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        #expect(try store.jobsWithNeedlessSbatchCalls() == [])
        try store.closeNeedlessSbatchCalls(of: job)
        #expect(try store.sbatchCalls(of: job).map(\.state) == [.begun, .begun, .planned], "agents are wanted")

        try store.complete(claim, metrics: [:])
        #expect(try store.jobsWithNeedlessSbatchCalls() == [job])
        try store.closeNeedlessSbatchCalls(of: job)
        let calls = try store.sbatchCalls(of: job)
        #expect(calls.map(\.state) == [.submitted, .begun, .refused], "the second one's agents may still come")
        #expect(calls.map(\.slurmJobID) == [812, nil, nil])
        #expect(try store.job(job).submission == .submitted)
        #expect(try store.job(job).slurmJobID == 812)

        clock.advance(by: .seconds(200))
        try store.closeNeedlessSbatchCalls(of: job)
        #expect(try store.sbatchCalls(of: job).map(\.state) == [.submitted, .refused, .refused])
        #expect(try store.jobsWithNeedlessSbatchCalls() == [])
    }

    @Test func aCallOfWhichNothingIsKnownLeavesItsJobUncertain() throws {
        try store.addSbatchCalls([("submit.sh", 1)], to: job)
        let call = try store.sbatchCalls(of: job)[0]
        try store.begin(call)
        try store.noteUnclear(call, mayCome: false)
        _ = try store.cancel(job)
        try store.closeNeedlessSbatchCalls(of: job)
        #expect(try store.sbatchCalls(of: job).map(\.state) == [.refused])
        #expect(try store.job(job).submission == .uncertain, "so another `cancel` asks SLURM again")
    }
}
