import Foundation
import Jobs
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

struct SteeringTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench()
        _ = try bench.write(sixSpecs, to: "sweeps/sweep_params.yaml")
    }

    /// Runs that do not end by themselves.
    static let slow = ["STAND_IN_STEP_MS": "60000", "STAND_IN_LEASE_MS": "600000"]

    @Test func aCancelledJobsAgentsEndAndItsRunsCanBeTakenUpAgain() async throws {
        _ = try await bench.orchestrator(SubmitTests.sweep + ["--n-agents", "2"], adding: Self.slow)
        try await eventually { try await bench.status(of: 1).counts.running == 2 }

        let cancel = try await bench.orchestrator(["cancel", "1"])
        #expect(cancel.code == 0, "\(cancel.error)")
        #expect(cancel.output.hasPrefix("Job 1: 6 runs cancelled\n2 local agents asked to end"))
        var job = try await bench.status(of: 1)
        #expect(job.counts.cancelled == 6)
        let pids = job.agents.compactMap(\.pid)
        try await eventually { pids.allSatisfy { !ProcessCheck.isRunning(pid_t($0)) } }
        #expect(try await bench.orchestrator(["resume", "1"]).error.contains("`orchestrator retry 1`"))

        let retry = try await bench.orchestrator(["retry", "1"])
        #expect(retry.output.hasPrefix("Job 1: 6 runs wait again\n"))
        #expect(retry.output.contains("`orchestrator resume 1`"))
        let resume = try await bench.orchestrator(["resume", "1", "--watch"])
        #expect(resume.code == 0, "\(resume.error)")
        #expect(resume.output.contains("2 agents started here for 6 waiting runs"))
        job = try await bench.status(of: 1)
        #expect(job.counts.done == 6)
        #expect(job.agents.map(\.number) == [1, 2, 3, 4])
        #expect(bench.files().contains("jobs/1/logs/agent-4.log"))
    }

    @Test func oneRunIsCancelledByTheBeginningOfItsName() async throws {
        _ = try await bench.orchestrator(SubmitTests.sweep, adding: Self.slow)
        try await eventually { try await bench.status(of: 1).counts.running == 1 }
        let runs = try await bench.status(of: 1).runs
        let last = runs[5].run
        let beginnings = (1...8).map { String(last.prefix($0)) }
        let own = beginnings.first { prefix in
            runs.filter { $0.run.hasPrefix(prefix) }.count == 1 && Int(prefix) == nil
        }
        let prefix = try #require(own)

        let cancel = try await bench.orchestrator(["cancel", prefix])
        #expect(cancel.output == "Run \(last): cancelled\n", "\(cancel.error)")
        let again = try await bench.orchestrator(["cancel", last])
        #expect(again.output == "Run \(last): is cancelled already\n")
        #expect(try await bench.status(of: 1).counts.cancelled == 1)
        _ = try await bench.orchestrator(["cancel", "1"])
    }

    @Test func nothingIsCancelledWhenOneNameIsWrong() async throws {
        _ = try await bench.orchestrator(SubmitTests.sweep, adding: ["SPD_WORKER": "/bin/true"])
        let answer = try await bench.orchestrator(["cancel", "1", "nosuchrun"])
        #expect(answer.code == 2)
        #expect(answer.error.contains("no run's name begins with 'nosuchrun'"))
        #expect(try await bench.status(of: 1).counts.pending == 6)
    }

    @Test func onlyFailedRunsAreTriedAgain() async throws {
        _ = try await bench.orchestrator(SubmitTests.sweep + ["--watch"], adding: ["STAND_IN_FAIL": "3"])
        let failed = try await bench.status(of: 1).runs[3].run
        let wrong = try await bench.orchestrator(["retry", "1", "--run", try await bench.status(of: 1).runs[0].run])
        #expect(wrong.code == 2)
        #expect(wrong.error.contains("is done: only failed and cancelled runs can be retried"))
        #expect(try await bench.orchestrator(["retry", "1", "--run", failed]).code == 0)
        let resume = try await bench.orchestrator(["resume", "1", "--watch"])
        #expect(resume.code == 0, "\(resume.error)")
        #expect(try await bench.status(of: 1).runs[3].attempt == 2)
        #expect(try await bench.orchestrator(["retry", "1", "--failed"]).output == "Job 1: no run is failed\n")
    }

    @Test func agentsAreAddedOnSlurmUnderTheJobsNameAndEndWithIt() async throws {
        _ = try bench.writeProgram("echo 'Slurmctld(primary) at node0 is UP'", to: "bin/scontrol")
        _ = try bench.writeProgram("echo 812", to: "bin/sbatch")
        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
        _ = try bench.writeProgram("echo \"$*\" > scancel.txt", to: "bin/scancel")
        _ = try await bench.orchestrator(SubmitTests.sweep + ["--n-agents", "3", "--executor", "slurm"])
        let token = try await bench.status(of: 1).token
        _ = try bench.writeProgram("echo '812_1|812|812|1|RUNNING|\(token)|n1|None||.'", to: "bin/squeue")
        _ = try bench.writeProgram("echo \"$*\" > sbatch.txt; echo 813", to: "bin/sbatch")

        let resume = try await bench.orchestrator(["resume", "1"])
        #expect(resume.code == 0, "\(resume.error)")
        #expect(resume.output.hasPrefix("Job 1: 2 agents started in SLURM's queue for 6 waiting runs"))
        let job = try await bench.status(of: 1)
        #expect(job.slurmJobId == 813)
        let call = try String(contentsOfFile: bench.path + "/sbatch.txt", encoding: .utf8)
        let script = try #require(call.split(whereSeparator: \.isWhitespace).last)
        let text = try String(contentsOfFile: String(script), encoding: .utf8)
        #expect(text.contains("#SBATCH --job-name=\(job.token)\n#SBATCH --array=1-2\n"))

        // An sbatch that fails now must not take the first agents for new ones.
        _ = try bench.writeProgram("echo 'sbatch: error: no' >&2; exit 1", to: "bin/sbatch")
        #expect(try await bench.orchestrator(["resume", "1", "--n-agents", "1"]).code == 1)

        let cancel = try await bench.orchestrator(["cancel", "1"])
        #expect(cancel.code == 0, "\(cancel.error)")
        let names = try String(contentsOfFile: bench.path + "/scancel.txt", encoding: .utf8)
        #expect(names == "--user \(getuid()) --name \(job.token)\n")
    }

    @Test func namesMeanJobsAgentsOrRuns() {
        #expect(Reference("7") == .job(JobID(rawValue: 7)))
        #expect(Reference("7.2") == .agent(JobID(rawValue: 7), number: 2))
        #expect(Reference("K3J9") == .run("k3j9"))
        #expect(Reference("12345678") == .run("12345678"))
    }
}
