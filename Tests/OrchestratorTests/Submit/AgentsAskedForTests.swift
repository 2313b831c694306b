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

    @Test func noMoreAgentsStartThanThereIsWorkFor() async throws {
        try addSlurm()
        let sweep = try bench.seeds(4)
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "3000", "--slots", "2", "--dry-run"])
        #expect(
            answer.error.contains("3000 agents would have too little to do: 2 agents for 4 runs, 2 at once on each"))
        #expect(answer.output.contains("--array=1-2\n"))
        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--sweep", sweep, "--n-agents", "3000"])
        #expect(try await bench.status(of: 1).agentsRequested == 4)
        let resume = try await bench.orchestrator(["resume", "1", "--n-agents", "50"])
        #expect(resume.output.hasPrefix("Job 1: 4 agents started"), "\(resume.error)")
        #expect(resume.error.contains("50 agents would have too little to do"))
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
        #expect(answer.error.contains("all experiments are to be run, as published:"), "\(answer.error)")
        #expect(answer.error.contains("resid_mlp3 ") && answer.error.contains(" files, and up to "), "\(answer.error)")
        #expect(try await bench.orchestrator(["cancel", "1"]).code == 0)
    }
}
