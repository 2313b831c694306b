import Foundation
import Jobs
import Slurm
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// What a real SLURM can't be made to show, played by small executables on `PATH`.
struct SlurmSubmitTests {
    let bench: Workbench
    static let submit = ["submit", "--experiments", "tms_5-2", "--executor", "slurm"]

    init() throws {
        bench = try Workbench()
        _ = try bench.writeProgram("echo 'Slurmctld(primary) at node0 is UP'", to: "bin/scontrol")
        _ = try bench.writeProgram("touch called; echo 812", to: "bin/sbatch")
        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
    }

    @Test func aDryRunShowsTheScriptAndSubmitsNothing() async throws {
        let worker = try bench.writeProgram(#"echo '{"seconds_per_step": 0.001}'"#, to: "worker")
        let answer = try await bench.orchestrator(
            Self.submit + ["--n-agents", "4", "--dry-run", "--sweep", try bench.seeds(4)],
            adding: ["SPD_WORKER": worker])
        #expect(answer.code == 0, "\(answer.error)")
        let name = try #require(answer.output.firstMatch(of: /--job-name=(spd-[a-z0-9]{8})/))
        try expectSnapshot(
            answer.output.replacing(name.output.1, with: "NAME").replacing(bench.path, with: "HERE"),
            "dry-run.txt")
        #expect(!FileManager.default.fileExists(atPath: bench.path + "/called"))
        #expect(bench.files().isEmpty)
    }

    @Test func aSubmittedJobKnowsItsNumber() async throws {
        let answer = try await bench.orchestrator(Self.submit + ["--job-suffix", "mine"])
        #expect(answer.code == 0, "\(answer.error)")
        let job = try await bench.status(of: 1)
        #expect(job.slurmJobId == 812)
        #expect(job.submission == "submitted")
        #expect(job.token.hasPrefix("spd-mine-"))
        let script = try String(contentsOfFile: job.folder + "/submit.sh", encoding: .utf8)
        #expect(script.contains("#SBATCH --job-name=\(job.token)\n"))
        #expect(script.hasSuffix("exec \(job.folder)/worker --job-id 1\n"))
    }

    @Test func aJobThatSlurmTookWithoutSayingSoIsFound() async throws {
        _ = try bench.writeProgram("echo 'sbatch: error: Socket timed out' >&2; exit 1", to: "bin/sbatch")
        // Whatever name the site gives it.
        _ = try bench.writeProgram(
            "echo '90_1|91|90|1|PENDING|lab-x|n1|Priority|\(bench.cache)/jobs/1/submit.sh|.'", to: "bin/squeue")
        let answer = try await bench.orchestrator(Self.submit)
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try await bench.status(of: 1).slurmJobId == 90)
    }

    @Test func aJobThatNobodyKnowsTheFateOfIsKeptAndToldSo() async throws {
        for program in ["bin/sbatch", "bin/squeue"] {
            _ = try bench.writeProgram("echo 'error: Socket timed out' >&2; exit 1", to: program)
        }
        let answer = try await bench.orchestrator(Self.submit)
        #expect(answer.code == 0)
        #expect(
            answer.error.contains(
                "job 1: SLURM may or may not have taken the job (squeue failed: error: Socket timed out)"),
            "\(answer.error)")
        #expect(answer.error.hasSuffix("its specs are stored; the next command looks again, don't submit them again\n"))
        let status = try await bench.orchestrator(["status", "1", "--json"])
        #expect(status.code == 3)
        #expect(status.output.contains(#""submission" : "uncertain""#))
    }

    @Test func memoryIsAskedForInOneWay() async throws {
        _ = try bench.write("mem: 4G\n", to: "cache/site.yaml")
        let answer = try await bench.orchestrator(Self.submit + ["--sbatch-arg=--mem-per-cpu=2G", "--dry-run"])
        #expect(answer.code == 2)
        #expect(answer.error.contains("--mem 4G and --mem-per-cpu=2G exclude one another"), "\(answer.error)")
    }

    @Test func agentsThatStayInTheQueueMakeCancelFail() async throws {
        _ = try await bench.orchestrator(Self.submit)
        _ = try bench.writeProgram("echo 'scancel: error: Kill job: Socket timed out' >&2; exit 1", to: "bin/scancel")
        let answer = try await bench.orchestrator(["cancel", "1"])
        #expect(answer.code == 1)
        #expect(answer.output.contains("Job 1: 1 run cancelled"))
        #expect(answer.error.contains("Socket timed out; job 1's agents are still in SLURM's queue"), "\(answer.error)")
        #expect(!answer.error.contains("ExitCode"), "one message, not two")
        #expect(try await bench.orchestrator(["status", "1"]).output.contains("1 cancelled"))
    }

    @Test func aRefusedJobIsNotStored() async throws {
        _ = try bench.writeProgram(
            "echo 'sbatch: error: Batch job submission failed: Invalid account' >&2; exit 1", to: "bin/sbatch")
        let answer = try await bench.orchestrator(Self.submit)
        #expect(answer.code == 1)
        #expect(answer.error == "orchestrator: sbatch failed: Batch job submission failed: Invalid account\n")
        #expect(try await bench.orchestrator(["status", "1"]).code == 2)
        #expect(bench.files().filter { $0.hasPrefix("jobs/1") }.isEmpty)
    }

    @Test func waitingInTheQueueIsToldWithItsReason() async throws {
        _ = try await bench.orchestrator(Self.submit)
        let token = try await bench.status(of: 1).token
        _ = try bench.writeProgram("echo '812|812|812|N/A|PENDING|\(token)||Resources||.'", to: "bin/squeue")
        _ = try await bench.orchestrator(["status", "1", "--refresh"])
        let script = """
            "$0" "$@" > watch.txt &
            until grep -q Resources watch.txt; do sleep 0.02; done
            kill -INT $!
            wait $!
            """
        let answer = try await bench.run(
            "/bin/sh",
            ["-c", script, Workbench.products + "/orchestrator", "status", "1", "--watch"])
        #expect(answer.code == 130)
        let seen = try String(contentsOfFile: bench.path + "/watch.txt", encoding: .utf8)
        #expect(seen.contains("1 agent waiting in SLURM's queue (Resources)"))
    }

    @Test func slurmIsAskedOnlyAboutAgentsThatHaveFallenSilent() async throws {
        let cache = CacheFolder(path: bench.cache)
        let past = try Store(cache, now: { Timestamp.now() + .seconds(-600) })
        let spec = NewSpec(experiment: "a", config: "{}", overrides: "[]", target: nil, steps: 1)
        let job = try past.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .slurm, agentCount: 1), specs: [spec]
        ) { _ in }.id
        try past.markSubmitted(job, slurmJobID: 812)
        let agent = try past.registerAgent(AgentIdentity(environment: [:]), for: job)
        _ = try past.claimNext(of: job, by: agent, lease: .seconds(60))

        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
        let slurm = SlurmCommands(environment: ["PATH": bench.path + "/bin"])
        let present = try Store(cache)
        let watch = AgentsWatch(cache: cache, slurm: slurm, store: present)
        let outlook = await watch.outlook(of: try present.snapshot(of: job))
        #expect(outlook.reasonOfEnd == "SLURM's queue holds none of its agents")

        _ = try bench.writeProgram("echo never asked", to: "bin/squeue")
        #expect(try present.renew([], by: agent, lease: .seconds(60)).isEmpty)
        let other = AgentsWatch(
            queue: QueueCache(cache: cache, slurm: slurm, pause: .zero), slurm: slurm, store: present)
        #expect(await other.outlook(of: try present.snapshot(of: job)) == .init(verdicts: [.working]))
    }

    @Test func allCommandsShareOneSqueue() async throws {
        _ = try await bench.orchestrator(Self.submit + ["--sweep", try bench.seeds(2), "--n-agents", "2"])
        _ = try bench.writeProgram(
            "echo asked >> asked.txt; echo '812_[1-2]|812|812|1|PENDING|spd-x|n1|PartitionTimeLimit||.'",
            to: "bin/squeue")
        let token = try await bench.status(of: 1).token
        _ = try bench.writeProgram(
            "echo asked >> asked.txt; echo '812_1|812|812|1|PENDING|\(token)||PartitionTimeLimit||.'", to: "bin/squeue")
        for _ in 0..<3 { _ = try await bench.orchestrator(["status", "1"]) }
        let refreshed = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(
            refreshed.output.contains(
                "1 agent waiting in SLURM's queue (PartitionTimeLimit): "
                    + "it asks for more time than the partition allows"),
            "\(refreshed.output)")
        let asked = try String(contentsOfFile: bench.path + "/asked.txt", encoding: .utf8)
        #expect(asked == "asked\nasked\n", "once in a minute, and once more when told to")
    }

    /// The queue forgets within minutes; accounts do not.
    @Test func whyAgentsEndedIsAskedOfTheAccountsOnceTheQueueHasForgotten() async throws {
        _ = try await bench.orchestrator(Self.submit)
        let token = try await bench.status(of: 1).token
        let header = "JobID|JobIDRaw|State|JobName|NodeList|Reason"
        _ = try bench.writeProgram(
            "echo asked >> asked.txt; echo '\(header)'; echo '812|812|OUT_OF_MEMORY|\(token)|n1|None'; "
                + "echo '5|5|FAILED|other|n1|None'", to: "bin/sacct")
        for _ in 0..<2 {
            let status = try await bench.orchestrator(["status", "1"])
            #expect(status.output.contains("1 agent: OUT_OF_MEMORY: it used more memory than"), "\(status.output)")
        }
        let resumed = try await bench.orchestrator(["resume", "1"])
        #expect(resumed.error.contains("new ones with the same options are likely to end the same way"))
        let asked = try String(contentsOfFile: bench.path + "/asked.txt", encoding: .utf8)
        #expect(asked == "asked\n", "once known it is kept")
    }

    @Test func agentsThatAreCompletedWithoutAWordAreTold() async throws {
        _ = try await bench.orchestrator(Self.submit)
        let token = try await bench.status(of: 1).token
        _ = try bench.writeProgram("echo '812|812|812|N/A|COMPLETED|\(token)|n1|None||.'", to: "bin/squeue")
        let status = try await bench.orchestrator(["status", "1", "--refresh"])
        #expect(
            status.output.contains("1 agent ended without a word, COMPLETED for SLURM (SLURM's 812); it left no log"),
            "\(status.output)")
    }

    @Test func aJobThatSlurmHasForgottenIsNotWatchedForEver() async throws {
        _ = try await bench.orchestrator(Self.submit)
        let answer = try await bench.orchestrator(["status", "1", "--watch"])
        #expect(answer.code == 1)
        #expect(answer.error.contains("SLURM's queue holds none of its agents"))
    }
}
