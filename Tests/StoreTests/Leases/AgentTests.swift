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

    private func register(arrayJob: Int64) throws {
        let place = SlurmPlace(job: arrayJob + 1, arrayJob: arrayJob, arrayTask: 1)
        _ = try store.registerAgent(AgentIdentity(host: "n1", pid: 9, slurm: place), for: job)
    }

    @Test func theFirstAgentOfABatchJobSettlesTheCallWhoseAnswerIsMissing() throws {
        try store.addSbatchCalls([("submit.sh", 2), ("submit-2.sh", 1)], to: job)
        let calls = try store.sbatchCalls(of: job)
        try store.begin(calls[0])
        try register(arrayJob: 812)
        #expect(try store.sbatchCalls(of: job).map(\.state) == [.submitted, .planned])
        #expect(try store.job(job).submission == .stored, "one is still to be called")

        try store.begin(calls[1])
        try register(arrayJob: 812)
        #expect(try store.sbatchCalls(of: job).map(\.state) == [.submitted, .begun], "that is the first one's")
        try register(arrayJob: 815)
        #expect(try store.sbatchCalls(of: job).map(\.slurmJobID) == [812, 815])
        #expect(try store.job(job).submission == .submitted)
        #expect(try store.job(job).slurmJobID == 815)

        try store.noteUnclear(calls[1], mayCome: true)
        #expect(try store.job(job).submission == .submitted, "an answer that comes too late changes nothing")
    }

    @Test func anAgentSettlesNoCallIfItMayBeOneOfTwo() throws {
        try store.addSbatchCalls([("submit.sh", 1), ("submit-2.sh", 1)], to: job)
        for call in try store.sbatchCalls(of: job) { try store.begin(call) }
        try register(arrayJob: 812)
        #expect(try store.sbatchCalls(of: job).map(\.state) == [.begun, .begun])
    }

    @Test func callsThatNobodyWaitsForAreSettledOnceTheJobHasNothingLeft() throws {
        let clock = HandClock()
        let store = try Store(CacheFolder(path: folder.path + "/other"), now: clock.now)
        let job = try store.addJob(1).id
        try store.addSbatchCalls([("submit.sh", 1), ("submit-2.sh", 1), ("submit-3.sh", 1)], to: job)
        let calls = try store.sbatchCalls(of: job)
        for call in calls[..<2] { try store.begin(call) }
        let place = SlurmPlace(job: 813, arrayJob: 812, arrayTask: 1)
        let agent = try store.registerAgent(AgentIdentity(host: "n1", pid: 9, slurm: place), for: job)
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: lease))
        #expect(try store.jobsWithForgottenSbatchCalls() == [], "agents are wanted")
        try store.complete(claim, metrics: [:])
        #expect(try store.jobsWithForgottenSbatchCalls() == [job], "one was never made")
        try store.refuse(calls[2])
        #expect(try store.jobsWithForgottenSbatchCalls() == [], "the others may be under way")
        clock.advance(by: .seconds(200))
        #expect(try store.jobsWithForgottenSbatchCalls() == [job])
        try store.closeSbatchCalls(of: job)
        #expect(try store.sbatchCalls(of: job).map(\.state) == [.submitted, .refused, .refused])
        #expect(try store.job(job).submission == .submitted)
        #expect(try store.job(job).slurmJobID == 812)
        #expect(try store.jobsWithForgottenSbatchCalls() == [])
    }
}
