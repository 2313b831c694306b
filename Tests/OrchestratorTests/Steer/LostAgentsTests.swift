import Foundation
import Jobs
import Layout
import Slurm
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// What SLURM knows of agents that did not end well, and what is made of it.
struct LostAgentsTests {
    let bench: Workbench
    static let submit = ["submit", "--experiments", "tms_5-2", "--executor", "slurm"]

    init() throws {
        bench = try Workbench()
        _ = try bench.writeProgram(
            "echo \"$*\" >> scontrol.txt; echo 'Slurmctld(primary) at node0 is UP'; echo 'MaxArraySize = 1001'",
            to: "bin/scontrol")
        _ = try bench.writeProgram("echo 812", to: "bin/sbatch")
        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
    }

    private func submit(_ runs: Int) async throws -> Job {
        let answer = try await bench.orchestrator(
            Self.submit + ["--sweep", try bench.seeds(runs), "--n-agents", String(runs)])
        try #require(answer.code == 0, "\(answer.error)")
        return try Store(CacheFolder(path: bench.cache)).job(JobID(rawValue: 1))
    }

    private func setQueue(_ job: Job, _ lines: String...) throws {
        let text = lines.map { $0.replacing("NAME", with: job.token) }.joined(separator: "\n")
        _ = try bench.writeProgram("\(Workbench.emptyQueue); echo '\(text)'", to: "bin/squeue")
    }

    @Test func agentsThatEndedBeforeTheySpokeAreToldWithSlurmsReason() async throws {
        let job = try await submit(3)
        try setQueue(
            job, "812_1|813|812|1|FAILED|NAME||BadConstraints||.", "812_2|814|812|2|FAILED|NAME||BadConstraints||.",
            "812_3|812|812|3|OUT_OF_MEMORY|NAME|n2|OutOfMemory||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(
            status.output.contains(
                "No agent works on it any more (2 agents: FAILED, BadConstraints: no node has what it asks for "
                    + "(SLURM's 812_1, 812_2); 1 agent: OUT_OF_MEMORY, OutOfMemory: it used more memory "
                    + "than SLURM allowed; raise --mem, or use fewer --slots (SLURM's 812_3 on n2)"),
            "\(status.output)")
        // SLURM forgets; what it said is kept.
        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
        let json = try await bench.orchestrator(["status", "1", "--json", "--refresh"])
        for part in [#""state" : "OUT_OF_MEMORY""#, #""name" : "812_1""#, #""slurm_job_id" : 814"#, "logs/812_3.log"] {
            #expect(json.output.contains(part), "\(json.output)")
        }
        let why = try await bench.orchestrator(["why", "1"])
        #expect(why.output.contains("2 agents: FAILED, BadConstraints: no node has what it asks for"), "\(why.output)")
        let list = try await bench.orchestrator(["list"])
        #expect(
            list.output.contains("! no agent works on it: FAILED, BadConstraints; OUT_OF_MEMORY, OutOfMemory"),
            "\(list.output)")
        let resume = try await bench.orchestrator(["resume", "1"])
        #expect(
            resume.error.contains("new ones with the same options are likely to end the same way"), "\(resume.error)")
        let other = try await bench.orchestrator(["resume", "1", "--n-agents", "1", "--mem", "1G"])
        #expect(!other.error.contains("likely to end the same way"), "\(other.error)")
    }

    @Test func whatWouldOnlyEndInTheSameWayIsNotStartedForEver() async throws {
        let job = try await submit(1)
        func fail(_ number: Int) throws {
            try setQueue(job, "\(number)|\(number)|\(number)|N/A|FAILED|NAME|n1|JobLaunchFailure||.")
            _ = try bench.writeProgram("echo \(number + 1)", to: "bin/sbatch")
        }
        try fail(812)
        let first = try await bench.orchestrator(["resume", "1"])
        #expect(first.code == 0 && first.error.contains("likely to end the same way"), "\(first.error)")
        try fail(813)
        let advice = try await bench.orchestrator(["status", "1", "--refresh"]).output
        #expect(advice.contains("resume 1 …` starts some with other options"), "\(advice)")
        let second = try await bench.orchestrator(["resume", "1"])
        #expect(second.code == 1 && second.error.contains("those before them ended the same way"), "\(second.error)")
        #expect(try await bench.orchestrator(["resume", "1", "--anyway"]).code == 0)
        try fail(814)
        let other = try await bench.orchestrator(["resume", "1", "--exclude", "n1"])
        #expect(other.code == 0, "\(other.error)")
    }

    @Test func whatNoNodeHasIsNotAskedForAgain() async throws {
        let job = try await submit(1)
        try setQueue(job, "812|812|812|N/A|FAILED|NAME||BadConstraints||.")
        _ = try bench.writeProgram(
            """
            [ "$1" = --test-only ] || { echo 813; exit; }
            echo 'allocation failure: Requested node configuration is not available' >&2; exit 1
            """, to: "bin/sbatch")
        let answer = try await bench.orchestrator(["resume", "1"])
        #expect(answer.code == 1, "\(answer.output)")
        #expect(answer.error.contains("Requested node configuration is not available"), "\(answer.error)")
        #expect(try await bench.orchestrator(["resume", "1", "--mem", "1G"]).code == 0)
    }

    @Test func anAgentThatEndedWellAfterAllIsNotLost() async throws {
        let job = try await submit(1)
        let store = try Store(CacheFolder(path: bench.cache))
        let place = SlurmPlace(environment: ["SLURM_JOB_ID": "812"])
        _ = try store.registerAgent(AgentIdentity(host: "n1", pid: 9, slurm: place), for: job.id)
        for (state, isTold) in [("PREEMPTED", true), ("COMPLETED", false), ("NODE_FAIL", true), ("RUNNING", false)] {
            try setQueue(job, "812|812|812|N/A|\(state)|NAME|n1|None||.")
            _ = try await bench.orchestrator(["status", "1", "--refresh"])
            let why = try await bench.orchestrator(["why", "1"]).output
            #expect(why.contains("1 agent: \(state)") == isTold, "\(why)")
            #expect(why.contains("ended badly") == isTold, "\(why)")
        }
    }

    /// Users, and plug-ins of sites, give jobs other names.
    @Test func aJobOfAnotherNameIsKnownByItsScript() async throws {
        let job = try await submit(2)
        let store = try Store(CacheFolder(path: bench.cache))
        for number in [813, 814] {
            let place = SlurmPlace(environment: ["SLURM_JOB_ID": "\(number)"])
            _ = try store.registerAgent(AgentIdentity(host: "n1", pid: 9, slurm: place), for: job.id)
        }
        let script = job.folder.script(named: JobFolder.script(1))
        try setQueue(
            job, "7|7|7|N/A|RUNNING|my", "thesis|n1|None||.",
            "812_1|813|812|1|RUNNING|mine|n1|None|\(script)|.",
            "812_2|814|812|2|RUNNING|other|n1|None|\(script)|.")
        _ = try bench.writeProgram("echo \"$*\" >> scancel.txt", to: "bin/scancel")
        let resume = try await bench.orchestrator(["resume", "1"])
        #expect(resume.error.contains("2 agents of job 1 are at work or waiting"), "\(resume.error)")
        let scale = try await bench.orchestrator(["scale", "1", "1"])
        #expect(scale.output == "Job 1: 1 agent to end after the current runs\n", "\(scale.output)\(scale.error)")
        #expect(try await bench.orchestrator(["cancel", "1"]).code == 0)
        let calls = try String(contentsOfFile: bench.path + "/scancel.txt", encoding: .utf8)
        #expect(calls == "--user \(getuid()) --name \(job.token)\n812_1 812_2\n")
    }

    @Test func anAgentThatHasSaidGoodbyeOrThatSlurmNoLongerHasMakesRoomForOthers() async throws {
        let job = try await submit(2)
        let store = try Store(CacheFolder(path: bench.cache))
        let agents = try [813, 814].map { number in
            let place = SlurmPlace(environment: [
                "SLURM_JOB_ID": "\(number)", "SLURM_ARRAY_JOB_ID": "812", "SLURM_ARRAY_TASK_ID": "\(number - 812)",
            ])
            return try store.registerAgent(AgentIdentity(host: "n1", pid: 9, slurm: place), for: job.id)
        }
        // The first still tells of failures; the second works.
        try store.agentEnded(agents[0], reason: "the job hands out no more specs")
        try setQueue(job, "812_1|813|812|1|RUNNING|NAME|n1|None||.", "812_2|814|812|2|RUNNING|NAME|n1|None||.")
        let resume = try await bench.orchestrator(["resume", "1"])
        #expect(resume.output.hasPrefix("Job 1: 1 agent started in SLURM's queue"), "\(resume.output)\(resume.error)")
        // SLURM has ended the second, of which was heard a moment ago.
        try setQueue(job, "812_2|814|812|2|FAILED|NAME|n1|NonZeroExitCode||.")
        let scale = try await bench.orchestrator(["scale", "1", "2"])
        #expect(scale.output == "Job 1: 2 agents started\n", "\(scale.output)\(scale.error)")
    }

    @Test(arguments: ["SUSPENDED", "STOPPED", "SPECIAL_EXIT", "REQUEUE_HOLD"])
    func anAgentThatSlurmHoldsBeforeItSpokeIsTold(state: String) async throws {
        let job = try await submit(1)
        try setQueue(job, "812_1|813|812|1|\(state)|NAME|n1|JobHeldAdmin||.")
        for command in [["status", "1", "--refresh"], ["list"]] {
            let answer = try await bench.orchestrator(command)
            #expect(
                answer.output.contains("1 agent is \(state) in SLURM before its first word (JobHeldAdmin, 812_1)"),
                "\(answer.output)")
        }
    }

    @Test(arguments: [
        ("PENDING", "job requeued in held state", "`scontrol release` releases it"),
        ("PENDING", "QOSMaxMemoryPerJob", "it asks for more than its account or QOS allows per job"),
        ("PENDING", "JobHoldMaxRequeue", "it was requeued too often and is held"),
        ("LAUNCH_FAILED", "None", "its node could not start it"),
    ])
    func whatAgentsWaitForIsExplained(state: String, reason: String, words: String) async throws {
        let job = try await submit(1)
        try setQueue(job, "812|812|812|N/A|\(state)|NAME||\(reason)||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(status.output.contains(words), "\(status.output)")
    }

    @Test func aListTellsWhatAgentsInTheQueueWaitFor() async throws {
        let job = try await submit(2)
        try setQueue(job, "812_[1-2]|812|812|1-2|PENDING|NAME||Priority||.")
        let list = try await bench.orchestrator(["list"])
        #expect(list.output.contains("waiting in SLURM's queue (Priority)"), "\(list.output)")
        let json = try await bench.orchestrator(["list", "--json"])
        #expect(json.output.contains("waiting in SLURM's queue (Priority)"), "\(json.output)")
    }

    @Test func oneThatEndedBeforeItSpokeIsToldWhileOthersWait() async throws {
        let job = try await submit(2)
        try FileManager.default.createDirectory(atPath: job.folder.logs, withIntermediateDirectories: true)
        try Data("oops\n".utf8).write(to: URL(filePath: job.folder.logs + "/812_1.log"))
        try setQueue(
            job, "812_1|813|812|1|FAILED|NAME|n1|JobLaunchFailure||.", "812_2|812|812|2|PENDING|NAME||Priority||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(
            status.output.contains(
                "ended before they said a word: 1 agent: FAILED, JobLaunchFailure: its node could not start it: does the "
                    + "node see the folders of the job and of its log? (SLURM's 812_1 on n1); "
                    + "its log: \(job.folder.logs)/812_1.log"), "\(status.output)")
        #expect(!status.output.contains("No agent works on it"))
    }

    /// An agent that was heard of a minute ago, and what it holds.
    private func agentOfAMinuteAgo(_ job: Job, task: Int64) throws -> Claim {
        let past = try Store(CacheFolder(path: bench.cache), now: { Timestamp.now() + .seconds(-60) })
        let place = SlurmPlace(
            environment: [
                "SLURM_JOB_ID": String(812 + task), "SLURM_ARRAY_JOB_ID": "812", "SLURM_ARRAY_TASK_ID": String(task),
            ])
        let agent = try past.registerAgent(AgentIdentity(host: "n1", pid: 1, slurm: place), for: job.id)
        let claim = try #require(try past.claimNext(of: job.id, by: agent, lease: .seconds(600)))
        try past.renew(claim, Progress(step: 50, steps: 100, stepsPerSecond: 1), lease: .seconds(600))
        return claim
    }

    @Test func whatSlurmCallsFailedIsGivenBackAtOnceAndStartedAgain() async throws {
        let job = try await submit(3)
        let lost = try agentOfAMinuteAgo(job, task: 2)
        try setQueue(
            job, "812_2|814|812|2|FAILED|NAME|n1|JobLaunchFailure||.", "812_1|813|812|1|RUNNING|NAME|n1|None||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(status.output.contains("812_2 FAILED, JobLaunchFailure"), "\(status.output)")
        let store = try Store(CacheFolder(path: bench.cache))
        #expect(try store.run(lost.run).status == .pending)
        #expect(try store.nextSpec(of: job.id)?.run == lost.run, "it goes before those that have not begun")
        let agent = try #require(try store.agents(of: job.id).first)
        #expect(agent.isLost && agent.isReplaced)
        _ = try await bench.orchestrator(["status", "1", "--refresh"])
        let calls = try String(contentsOfFile: bench.path + "/scontrol.txt", encoding: .utf8)
        #expect(calls.split(separator: "\n").filter { $0 == "requeue 812_2" }.count == 1)
    }

    /// Where SLURM watches over memory by itself, its queue says only that the program was killed.
    @Test(arguments: [
        "slurmstepd-n1: error: StepId=814.batch exceeded memory limit (79798272 > 52428800), being killed",
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=814.batch.",
    ])
    func whatSlurmKilledForMemoryIsCalledThat(line: String) async throws {
        let job = try await submit(3)
        _ = try agentOfAMinuteAgo(job, task: 2)
        try FileManager.default.createDirectory(atPath: job.folder.logs, withIntermediateDirectories: true)
        let log = "step 100\n\(line)\nslurmstepd-n1: error: *** JOB 814 ON n1 CANCELLED ***\n"
        try Data(log.utf8).write(to: URL(filePath: job.folder.logs + "/812_2.log"))
        try setQueue(
            job, "812_2|814|812|2|FAILED|NAME|n1|JobLaunchFailure||.", "812_1|813|812|1|RUNNING|NAME|n1|None||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(status.output.contains("1 of 3 agents lost (812_2 FAILED, OutOfMemory)"), "\(status.output)")
        let why = try await bench.orchestrator(["why", "1"])
        #expect(why.output.contains("it used more memory than SLURM allowed"), "\(why.output)")
        let calls = try String(contentsOfFile: bench.path + "/scontrol.txt", encoding: .utf8)
        #expect(!calls.contains("requeue"), "it would end in the same way")
    }

    @Test func whereSlurmMayNotStartItAgainAnotherIsSubmitted() async throws {
        let job = try await submit(3)
        let lost = try agentOfAMinuteAgo(job, task: 2)
        _ = try bench.writeProgram(
            "case \"$1\" in requeue) echo 'Requested operation is presently disabled' >&2; exit 1;; esac; "
                + "echo 'Slurmctld(primary) at node0 is UP'; echo 'MaxArraySize = 1001'",
            to: "bin/scontrol")
        _ = try bench.writeProgram("echo \"$*\" >> sbatch.txt; echo 900", to: "bin/sbatch")
        try setQueue(
            job, "812_2|814|812|2|NODE_FAIL|NAME|n1|None||.", "812_1|813|812|1|RUNNING|NAME|n1|None||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(
            (status.output + status.error).contains("a new one is submitted in its place (SLURM's 900)"),
            "\(status.output) \(status.error)")
        let store = try Store(CacheFolder(path: bench.cache))
        #expect(try store.run(lost.run).status == .pending)
        let call = try #require(try store.sbatchCalls(of: job.id).last)
        #expect(call.agents == 1 && call.state == .submitted && call.slurmJobID == 900)
        let script = try String(contentsOfFile: job.folder.script(named: call.script), encoding: .utf8)
        #expect(script.contains("/logs/%j.log\n") && !script.contains("--array"))
        _ = try await bench.orchestrator(["status", "1", "--refresh"])
        let calls = try String(contentsOfFile: bench.path + "/sbatch.txt", encoding: .utf8)
        #expect(calls.split(separator: "\n").count == 1)
    }

    /// Root plays the colleague.
    @Test(.enabled(if: geteuid() == 0)) func aColleaguesLookAsksForTheOwnersJobs() async throws {
        let job = try await submit(2)
        chown(job.folder.path, 6001, 5555)
        let queue = "\(Workbench.emptyQueue); echo '812_1|813|812|1|PENDING|\(job.token)||Priority||.'"
        _ = try bench.writeProgram(
            "case \" $* \" in *' -u 0,6001 '*) \(queue);; *) \(Workbench.emptyQueue);; esac", to: "bin/squeue")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(!status.output.contains("No agent works on it"), "\(status.output)")
        #expect(status.output.contains("Priority"), "\(status.output)")
    }

    @Test func whatWillRecurIsNotStartedAgainAndSaid() async throws {
        let job = try await submit(3)
        _ = try agentOfAMinuteAgo(job, task: 2)
        try setQueue(
            job, "812_2|814|812|2|OUT_OF_MEMORY|NAME|n1|OutOfMemory||.", "812_1|813|812|1|RUNNING|NAME|n1|None||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(
            status.output.contains(
                "1 of 3 agents lost (812_2 OUT_OF_MEMORY, OutOfMemory); `orchestrator resume 1` starts the missing ones"
            ), "\(status.output)")
        let calls = try String(contentsOfFile: bench.path + "/scontrol.txt", encoding: .utf8)
        #expect(!calls.contains("requeue"))
        // Once all others are heard, SLURM need not be asked for this to be told.
        let present = try Store(CacheFolder(path: bench.cache))
        for task in [1, 3] {
            _ = try present.registerAgent(
                AgentIdentity(
                    host: "n1", pid: 1, slurm: SlurmPlace(environment: ["SLURM_JOB_ID": String(900 + task)])),
                for: job.id)
        }
        #expect(try await bench.orchestrator(["status", "1"]).output.contains("1 of 3 agents lost"))
        #expect(try await bench.orchestrator(["why", "1"]).output.contains("OUT_OF_MEMORY"))
    }

    @Test func aSuspendedAgentHasNoTimeLeft() async throws {
        let job = try await submit(1)
        _ = try agentOfAMinuteAgo(job, task: 1)
        #expect(try await bench.orchestrator(["status", "1"]).output.contains("50 s"))
        try setQueue(job, "812|813|812|1|SUSPENDED|NAME|n1|None||.")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(status.output.contains("suspended"), "\(status.output)")
        #expect(status.output.contains("SLURM has suspended it"))
        #expect(!status.output.contains("50 s"))
        let json = try await bench.orchestrator(["status", "1", "--json"])
        #expect(json.output.contains(#""verdict" : "suspended""#))
        #expect(!json.output.contains("eta_seconds"))
    }
}
