import Foundation
import Layout
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// What users ask for their agents reaches them, and no more is taken than can be of use.
struct AgentsAskedForTests {
    let bench: Workbench
    static let local = ["submit", "--experiments", "tms_5-2", "--executor", "local"]

    init() throws { bench = try Workbench() }

    private func addSlurm() throws {
        _ = try bench.writeProgram(
            "echo 'Slurmctld(primary) at node0 is UP'; echo 'MaxArraySize = 1001'", to: "bin/scontrol")
        _ = try bench.writeProgram("echo \"$*\" > sbatch.txt; echo 812", to: "bin/sbatch")
        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
    }

    @Test func resumedAgentsGetTheSlotsAndThreadsOfTheCommandLine() async throws {
        _ = try await bench.orchestrator(
            Self.local + ["--sweep", try bench.seeds(2)],
            adding: ["SPD_WORKER": try bench.writeProgram("exit 0", to: "w")])
        let layout = JobFolder(path: bench.cache + "/jobs/1")
        _ = try bench.writeProgram("echo \"$@\"", to: "cache/jobs/1/worker")
        let answer = try await bench.orchestrator(["resume", "1", "--n-agents", "1", "--slots", "2", "--threads", "1"])
        #expect(answer.code == 0, "\(answer.error)")
        let log = layout.log(ofAgent: 2)
        try await eventually { FileManager.default.contents(atPath: log)?.isEmpty == false }
        #expect(try String(contentsOfFile: log, encoding: .utf8) == "--job-id 1 --slots 2 --threads 1\n")
    }

    @Test func onSlurmTheyGetTheCoresForIt() async throws {
        try addSlurm()
        let sweep = try bench.seeds(8)
        _ = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", sweep, "--sbatch-arg=--hint=nomultithread"])
        let answer = try await bench.orchestrator(
            ["resume", "1", "--n-agents", "1", "--slots", "2", "--threads", "3", "--mem", "1G", "--sbatch-arg=--hold"])
        #expect(answer.code == 0, "\(answer.error)")
        let call = try String(contentsOfFile: bench.path + "/sbatch.txt", encoding: .utf8)
        #expect(call == "--parsable --hint=nomultithread --hold \(bench.cache)/jobs/1/submit-2.sh\n")
        let script = try String(contentsOfFile: bench.cache + "/jobs/1/submit-2.sh", encoding: .utf8)
        #expect(script.contains("#SBATCH --cpus-per-task=6\n#SBATCH --mem=1G\n"), "\(script)")
        #expect(script.hasSuffix("/worker --job-id 1 --slots 2 --threads 3\n"))
        _ = try await bench.orchestrator(["resume", "1", "--n-agents", "1"])
        let plain = try String(contentsOfFile: bench.cache + "/jobs/1/submit-3.sh", encoding: .utf8)
        #expect(plain.contains("--cpus-per-task=1\n") && plain.hasSuffix("/worker --job-id 1\n"))
    }

    @Test func noMoreSlotsAreAskedForThanThereAreRuns() async throws {
        try addSlurm()
        let submit = ["submit", "--experiments", "tms_5-2", "--sweep", try bench.seeds(4)]
        let answer = try await bench.orchestrator(submit + ["--slots", "900", "--threads", "2"])
        #expect(
            answer.error.contains("--slots is 900, but there are 4 runs: each agent gets 4 slots"), "\(answer.error)")
        let script = try String(contentsOfFile: bench.cache + "/jobs/1/submit.sh", encoding: .utf8)
        #expect(script.contains("#SBATCH --cpus-per-task=8\n"), "\(script)")
        // Who says how many cores an agent gets, gets them.
        let preview = try await bench.orchestrator(submit + ["--slots", "900", "--cpus-per-task", "16", "--dry-run"])
        #expect(preview.output.contains("#SBATCH --cpus-per-task=16\n"), "\(preview.output)")
        let resume = try await bench.orchestrator(["resume", "1", "--n-agents", "1", "--slots", "900"])
        #expect(resume.error.contains("each agent gets 4 slots"), "\(resume.error)")
        let second = try String(contentsOfFile: bench.cache + "/jobs/1/submit-2.sh", encoding: .utf8)
        #expect(second.contains("#SBATCH --cpus-per-task=8\n"), "\(second)")
    }

    @Test func twoWhoScaleAtOnceTakeAwayNoMoreThanOne() async throws {
        try addSlurm()
        let sweep = try bench.seeds(4)
        _ = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "4"])
        let token = try await bench.status(of: 1).token
        let lines = (1...4).map { "812_\($0)|812|812|\($0)|PENDING|\(token)||Priority||.\n" }
        _ = try bench.write(lines.joined(), to: "queue.txt")
        _ = try bench.writeProgram("\(Workbench.emptyQueue); exec /bin/cat queue.txt", to: "bin/squeue")
        _ = try bench.writeProgram(
            "PATH=/usr/bin:/bin; sleep 0.5; for task; do sed -i \"/^$task|/d\" queue.txt; done", to: "bin/scancel")
        async let first = bench.orchestrator(["scale", "1", "2"])
        async let second = bench.orchestrator(["scale", "1", "2"])
        let told = try await [first.output, second.output].sorted()
        #expect(told == ["Job 1: 2 agents taken out of SLURM's queue\n", "Job 1: has 2 agents\n"])
    }

    @Test func whatNoNodeOfThePartitionHasIsTold() async throws {
        try addSlurm()
        _ = try bench.writeProgram(
            """
            echo 'Slurmctld(primary) at node0 is UP'; echo 'MaxArraySize = 1001'; echo 'DefMemPerCPU = 10'
            echo 'PartitionName=cpu Default=YES State=UP MaxTime=1-00:00:00 DefMemPerNode=UNLIMITED'
            echo 'PartitionName=big Default=NO State=UP MaxTime=UNLIMITED DefMemPerNode=9000'
            """, to: "bin/scontrol")
        _ = try bench.writeProgram("echo Welcome; echo 'cpu|4|4000'; echo 'big|64|512000'", to: "bin/sinfo")
        let dry = ["submit", "--experiments", "tms_5-2", "--dry-run"]
        func told(_ arguments: String...) async throws -> String {
            let answer = try await bench.orchestrator(dry + arguments)
            #expect(answer.code == 0, "\(answer.error)")
            return answer.error + answer.output
        }
        let much = try await told("--cpus-per-task", "64", "--mem", "100G", "--time", "2-0")
        #expect(much.contains("asks for 64 cores, but no node of partition cpu has more than 4"), "\(much)")
        #expect(much.contains("--mem 100G is more than any node of partition cpu has"))
        #expect(much.contains("--time 2-0 is more than partition cpu gives (1-00:00:00)"))
        let enough = try await told("--cpus-per-task", "64", "--mem", "100G", "--time", "2-0", "--partition", "big")
        #expect(!enough.contains("no node of") && !enough.contains("is more than"), "\(enough)")
        // A megabyte is told in the estimate too.
        #expect(try await told().contains("SLURM's default without --mem (DefMemPerCPU 10) is"))
        #expect(!(try await told("--mem", "1G").contains("without --mem")))
        #expect(!(try await told("--partition", "big").contains("without --mem")))
        #expect(!(try await told("--sbatch-arg=--mem-per-gpu=1G").contains("without --mem")))
        #expect(try await told("--sbatch-arg=--mem-per-c=5").contains("--mem-per-cpu 5 is"))
    }

    @Test func noMoreAgentsStartThanThereIsWorkFor() async throws {
        try addSlurm()
        let sweep = try bench.seeds(4)
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "3000", "--slots", "2", "--dry-run"])
        #expect(
            answer.error.contains("3000 agents are too many: 2 agents for 4 runs, 2 at once on each"))
        #expect(answer.output.contains("--array=1-2\n"))
        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "3000"])
        #expect(try await bench.status(of: 1).agentsRequested == 4)
        let resume = try await bench.orchestrator(["resume", "1", "--n-agents", "50"])
        #expect(resume.output.hasPrefix("Job 1: 4 agents started"), "\(resume.error)")
        #expect(resume.error.contains("50 agents are too many"))
    }

    @Test func threadsThatCannotBeAreRefusedBeforeAnythingIsStored() async throws {
        try addSlurm()
        for options in [
            ["--threads", "500", "--executor", "local"], ["--threads", "500", "--executor", "local", "--dry-run"],
            ["--threads", "256", "--executor", "slurm"],
        ] {
            let answer = try await bench.orchestrator(["submit", "--experiments", "tms_5-2"] + options)
            #expect(answer.code == 2)
            #expect(answer.error.contains("a run takes 255 threads at most"), "\(answer.error)")
        }
        #expect(bench.files().isEmpty)
        let many = AgentRequest(agentCount: 1, options: JobOptions(threads: LocalAgents.cores + 1))
        #expect(try many.checkThreads(.local)?.contains("runs are slower with more threads than cores") == true)
        #expect(try AgentRequest(agentCount: 1, options: JobOptions(threads: 1)).checkThreads(.local) == nil)
    }

    @Test func everythingThereIsIsStartedWithAWordAboutItsCost() async throws {
        let answer = try await bench.orchestrator(["submit", "--executor", "local"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.error.contains("this runs all experiments, as published:"), "\(answer.error)")
        #expect(answer.error.contains("resid_mlp3 ") && answer.error.contains(" files, and up to "), "\(answer.error)")
        #expect(try await bench.orchestrator(["cancel", "1"]).code == 0)
    }
}
