import Foundation
import Jobs
import Slurm
import Testing

@testable import Store

/// What is thought of an agent that is silent.
struct AgentVerdictTests {
    let folder: Workbench
    let job: Job
    let agent: Agent
    let start = Timestamp(rawValue: 1_000_000)

    init() throws {
        folder = try Workbench()
        let cache = CacheFolder(path: folder.cache)
        let start = start
        let store = try Store(cache, now: { start })
        job = try store.insertJob(
            NewJob(token: "spd-a", submittedFrom: "/", executor: .slurm, agentCount: 3),
            specs: [NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 1)]
        ) { _ in }
        let place = SlurmPlace(job: 815, arrayJob: 812, arrayTask: 3)
        _ = try store.registerAgent(
            AgentIdentity(host: "n17", pid: 1, slurm: place), for: job.id, until: start + .seconds(3600))
        agent = try #require(try store.agents(of: job.id).first)
    }

    private func verdict(after minutes: Double, _ queue: String?, problem: String? = nil) -> AgentVerdict {
        let now = start + .seconds(60 * minutes)
        let view = queue.map {
            QueueView(
                asked: now, time: now, entries: $0.isEmpty ? [] : [QueueEntry(line: $0)].compactMap(\.self),
                problem: problem)
        }
        return AgentVerdict(agent, in: job, queue: view, at: now)
    }

    /// A process number that no process has, on a machine whose kernel has killed for memory since it began.
    @Test func whyTellsOfLocalAgentsThatTheKernelKilledForMemory() async throws {
        try #require(MemoryKills.count != nil, "the kernel does not count")
        let bench = try Workbench()
        let store = try Store(CacheFolder(path: bench.cache))
        let specs = ["{}", "{ }"].map {
            NewSpec(experiment: "a", config: $0, overrides: "[]", target: nil, steps: 1)
        }
        let local = try store.insertJob(
            NewJob(token: "spd-b", submittedFrom: "/", executor: .local, agentCount: 2), specs: specs
        ) { _ in }
        let dead = AgentIdentity(
            host: AgentIdentity.thisHost, pid: 1 << 22, slurm: SlurmPlace(environment: [:]), memoryKills: -1)
        let agents = try (0..<2).map { _ in try store.registerAgent(dead, for: local.id) }
        let first = try #require(try store.agents(of: local.id).first { $0.id == agents[0] })
        // As another agent of this machine notes it.
        _ = try store.buryAgent(agents[0], reason: "its process is gone" + AgentVerdict.memoryWords(of: first))
        let why = try await bench.orchestrator(["why", "1"]).output
        #expect(why.contains("1 agent (1.3): its process is gone, probably killed for memory"), "\(why)")
        #expect(why.contains("1 agent (1.4): its process 4194304 has ended without a word, probably killed for memory"))
        #expect(try await bench.orchestrator(["why", "1", "--json"]).output.contains("killed for memory"))
    }

    /// A number that was an agent's may be another process's, after a reboot for instance.
    @Test(arguments: [true, false])
    func aSilentAgentIsGoneIfItsProcessNumberIsAnotherProgramsNow(isAgent: Bool) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "read line; exit", "sh", isAgent ? "--job-id=1" : "--else"]
        process.standardInput = Pipe()
        try process.run()
        defer { process.terminate() }
        let start = start
        let store = try Store(CacheFolder(path: folder.path + "/local"), now: { start })
        let local = try store.insertJob(
            NewJob(token: "spd-c", submittedFrom: "/", executor: .local, agentCount: 1),
            specs: [NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 1)]
        ) { _ in }
        _ = try store.registerAgent(
            AgentIdentity(
                host: AgentIdentity.thisHost, pid: process.processIdentifier, slurm: SlurmPlace(environment: [:])),
            for: local.id)
        let agent = try #require(try store.agents(of: local.id).last)
        func verdict(after seconds: Int) -> AgentVerdict {
            AgentVerdict(agent, in: local, queue: nil, at: start + .seconds(seconds))
        }
        #expect(verdict(after: 10) == .working)
        #expect(
            verdict(after: 100)
                == (isAgent
                    ? .silent("lease 100 s old")
                    : .gone("its process \(process.processIdentifier) has ended without a word")))
    }

    /// A shell of whose processes other users see none, as on many login nodes; nil if this machine lets nobody have one.
    private static let hidingShell: [String]? = {
        let words = ["--pid", "--fork", "--mount", "--propagation", "private", "/bin/sh", "-c"]
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        process.arguments = words + ["mount -t proc -o hidepid=2 proc /proc"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        process.waitUntilExit()
        return process.terminationStatus == 0 ? words : nil
    }()

    @Test(.enabled(if: hidingShell != nil, "hiding processes takes root's rights"))
    func anotherUsersAgentIsNotTakenForGoneWhereProcessesAreHidden() async throws {
        let bench = try Workbench()
        let program = bench.path + "/orchestrator"
        // The package may lie where nobody else can look.
        try FileManager.default.copyItem(atPath: Workbench.products + "/orchestrator", toPath: program)
        do {
            let store = try Store(CacheFolder(path: bench.cache))
            let local = try store.insertJob(
                NewJob(token: "spd-d", submittedFrom: "/", executor: .local, agentCount: 1),
                specs: [NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 1)]
            ) { _ in }
            // The shell's own process has this number.
            let agent = AgentIdentity(host: AgentIdentity.thisHost, pid: 1, slurm: SlurmPlace(environment: [:]))
            _ = try store.registerAgent(agent, for: local.id)
        }
        let answer = try await bench.run(
            "/usr/bin/unshare",
            try #require(Self.hidingShell) + [
                """
                mount -t proc -o hidepid=2 proc /proc
                chown -R 65534:65534 "$1"
                setpriv --reuid 65534 --regid 65534 --clear-groups "$1/orchestrator" status 1
                exit 0
                """, "sh", bench.path,
            ], adding: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"])
        #expect(answer.output.contains("1.2    running"), "\(answer.output)\(answer.error)")
    }

    @Test func anAgentThatIsHeardWorksWhateverSlurmSays() {
        #expect(verdict(after: 0.3, "812_3|815|812|3|NODE_FAIL|spd-a|n17|None||.") == .working)
        #expect(verdict(after: 1, "812_3|815|812|3|RUNNING|spd-a|n17|None||.") == .working)
    }

    @Test func whatSlurmCallsEndedIsBelievedAsSoonAsARenewalIsMissing() {
        #expect(
            verdict(after: 0.5, "812_3|815|812|3|FAILED|spd-a|n17|NonZeroExitCode||.")
                == .gone("lease 30 s old, 812_3 FAILED, NonZeroExitCode on n17"))
    }

    @Test func aSuspendedAgentIsCalledSo() {
        let verdict = verdict(after: 1, "812_3|815|812|3|SUSPENDED|spd-a|n17|None||.")
        #expect(verdict == .suspended("SLURM has suspended it: lease 60 s old, 812_3 SUSPENDED on n17"))
        #expect(verdict.word == "suspended")
    }

    @Test func aNodeThatFailedIsTheEnd() {
        #expect(
            verdict(after: 14, "812_3|815|812|3|NODE_FAIL|spd-a|n17|None||.")
                == .gone("lease 14 min old, 812_3 NODE_FAIL on n17"))
    }

    @Test func whatIsUnknownIsNeverTakenForDead() {
        #expect(
            verdict(after: 14, "812_3|815|812|3|HIBERNATING|spd-a|n17|None||.")
                == .silent("lease 14 min old, 812_3 HIBERNATING on n17"))
        #expect(verdict(after: 14, nil) == .silent("lease 14 min old"))
        #expect(
            verdict(after: 14, "", problem: "no answer") == .silent("lease 14 min old, SLURM: no answer"))
        #expect(verdict(after: 4, "") == .silent("lease 4 min old, 812_3 is no longer in SLURM's queue"))
    }

    @Test func whatSlurmHasForgottenIsGoneWhenItIsOldOrItsTimeIsOver() {
        #expect(verdict(after: 14, "") == .gone("lease 14 min old, 812_3 is no longer in SLURM's queue"))
        #expect(
            verdict(after: 65, "812_3|815|812|3|RUNNING|spd-a|n17|None||.")
                == .silent("lease 65 min old, its allocation ended 5 min ago, 812_3 RUNNING on n17"))
    }

    /// A controller that has lost its state gives numbers away again.
    @Test func anotherJobOfTheSameNumberIsNotTheAgent() {
        #expect(
            verdict(after: 4, "812_3|815|812|3|FAILED|spd-b|n17|NonZeroExitCode||.")
                == .silent("lease 4 min old, 812_3 is no longer in SLURM's queue"))
    }
}
