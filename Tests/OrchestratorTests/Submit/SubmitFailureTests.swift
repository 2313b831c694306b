import Foundation
import Jobs
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// Submissions that fail leave nothing behind and say what to do.
struct SubmitFailureTests {
    let bench: Workbench
    static let submit = ["submit", "--experiments", "tms_5-2"]

    init() throws { bench = try Workbench() }

    @Test func aMissingWorkerIsNamed() async throws {
        let answer = try await bench.orchestrator(Self.submit, adding: ["SPD_WORKER": "/none/worker"])
        #expect(answer.code == 1)
        #expect(
            answer.error
                == "orchestrator: SPD_WORKER names /none/worker, which cannot be run: "
                + "No such file or directory\n")
        #expect(bench.files().isEmpty)
    }

    @Test func aJobToWaitForThatIsNotThereIsRefusedBeforeAnythingIsStored() async throws {
        for more in [["--dry-run"], []] {
            let answer = try await bench.orchestrator(Self.submit + ["--after", "9"] + more)
            #expect(answer.code == 2)
            #expect(answer.error == "orchestrator: there is no job 9: no job has been submitted yet\n")
        }
        #expect(bench.files().isEmpty)
    }

    @Test func aCacheFolderThatCannotBeMadeIsNamed() async throws {
        let file = try bench.write("", to: "file")
        let answer = try await bench.orchestrator(Self.submit, adding: ["SPD_CACHE_DIR": file + "/cache"])
        #expect(answer.code == 2)
        #expect(answer.error == "orchestrator: \(file) is not a folder: set SPD_CACHE_DIR to one\n")
    }

    @Test func aWorkerThatCannotStartLeavesNoJob() async throws {
        let worker = try bench.write("#!/none/interpreter\n", to: "worker")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: worker)
        let answer = try await bench.orchestrator(Self.submit, adding: ["SPD_WORKER": worker])
        #expect(answer.code == 1)
        #expect(answer.error.contains("cannot start \(bench.cache)/jobs/1/worker"))
        try await expectNothingStored()
    }

    @Test func aDiskThatFillsUpWhileTheJobIsPreparedLeavesNoJob() async throws {
        // A limit on the size of files stands in for the disk's: the worker is larger, the rest is not.
        let answer = try await bench.run(
            "/bin/sh",
            ["-c", #"ulimit -f 2048; exec "$0" "$@""#, Workbench.products + "/orchestrator"]
                + Self.submit)
        #expect(answer.code == 1)
        #expect(
            answer.error.contains("/worker: File too large; nothing was stored; make room there"),
            "\(answer.error)")
        try await expectNothingStored()
    }

    @Test func interruptingBeforeAnythingIsStoredStoresNothing() async throws {
        // SLURM's controller takes its time, so that ^C comes in the middle.
        let tools = bench.path + "/tools"
        _ = try bench.writeProgram("exit 0", to: "tools/sbatch")
        _ = try bench.writeProgram("touch asked; sleep 1; echo 'Slurmctld is DOWN'", to: "tools/scontrol")
        let answer = try await bench.run(
            "/bin/sh",
            [
                "-c", #""$0" "$@" & until [ -e asked ]; do sleep 0.02; done; kill -INT $!; wait $!"#,
                Workbench.products + "/orchestrator",
            ] + Self.submit, adding: ["PATH": tools + ":" + bench.path + "/bin"])
        #expect(answer.code == 130)
        #expect(answer.error == "orchestrator: interrupted: nothing was stored\n")
        try await expectNothingStored()
    }

    private static let interrupting = """
        "$0" "$@" > watch.txt &
        n=0
        until grep -q running watch.txt || [ $((n += 1)) -gt 5000 ]; do sleep 0.02; done
        kill -INT $!
        wait $!
        """

    @Test func watchingCanBeInterruptedAndTheAgentsGoOn() async throws {
        _ = try await bench.orchestrator(Self.submit, adding: ["STAND_IN_STEP_MS": "2500"])
        let answer = try await bench.run(
            "/bin/sh", ["-c", Self.interrupting, Workbench.products + "/orchestrator", "status", "1", "--watch"])
        #expect(answer.code == 130)
        let seen = try String(contentsOfFile: bench.path + "/watch.txt", encoding: .utf8)
        #expect(seen.contains("Stopped watching; the agents of job 1 go on."))
        let rest = try await bench.orchestrator(["status", "1", "--watch"])
        #expect(rest.code == 0, "\(rest.error)")
        #expect(try await bench.status(of: 1).counts.done == 1)
    }

    @Test func interruptingTheCommandThatStartedLocalAgentsStopsThem() async throws {
        let answer = try await bench.run(
            "/bin/sh", ["-c", Self.interrupting, Workbench.products + "/orchestrator"] + Self.submit + ["--watch"],
            adding: ["STAND_IN_STEP_MS": "60000"])
        #expect(answer.code == 130)
        let seen = try String(contentsOfFile: bench.path + "/watch.txt", encoding: .utf8)
        #expect(seen.contains("Stopping 1 agent"))
        #expect(seen.contains("`orchestrator resume 1` continues it"))
        let job = try await bench.status(of: 1)
        #expect(job.agents.map(\.pid).allSatisfy { $0.map { !ProcessCheck.isRunning(Int32($0)) } ?? true })
        #expect(try await bench.orchestrator(["resume", "1", "--watch"]).code == 0)
        #expect(try await bench.status(of: 1).counts.done == 1)
    }

    @Test func twoPressesInQuickSuccessionStopLocalAgentsTooAndAtOnce() async throws {
        let twice = Self.interrupting.replacing("kill -INT $!", with: "kill -INT $!; sleep 0.05; kill -INT $!")
        let answer = try await bench.run(
            "/bin/sh", ["-c", twice, Workbench.products + "/orchestrator"] + Self.submit + ["--watch"],
            adding: ["STAND_IN_STEP_MS": "60000"])
        #expect(answer.code == 130)
        let pids = try Store(CacheFolder(path: bench.cache)).agents(of: JobID(rawValue: 1)).compactMap(\.pid)
        #expect(pids.count == 1)
        for pid in pids { try await eventually { !ProcessCheck.isRunning(pid) } }
    }

    @Test func aJobThatAllAgentsHaveLeftIsNotWatchedForEver() async throws {
        let answer = try await bench.orchestrator(
            Self.submit + ["--watch"], adding: ["STAND_IN_DIE": "0"])
        #expect(answer.code == 1)
        #expect(
            answer.error
                == "orchestrator: 0 of 1 done, 1 running, but no agent works on job 1 any more: "
                + "every agent's process has ended; see \(bench.cache)/jobs/1/logs/\n")
        let status = try await bench.orchestrator(["status"])
        #expect(status.output.contains(/1 +gone/))
    }

    @Test func aFolderThatACrashLeftBehindIsKeptOutOfTheWay() async throws {
        _ = try bench.write("precious", to: "cache/jobs/1/logs/agent-1.log")
        let answer = try await bench.orchestrator(Self.submit + ["--watch"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try await bench.status(of: 1).counts.done == 1)
        let kept = bench.files().filter { $0.hasPrefix("jobs/.old-1-") && $0.hasSuffix("/agent-1.log") }
        #expect(kept.count == 1)
    }

    @Test func aDamagedStateFileIsNamed() async throws {
        try FileManager.default.createDirectory(atPath: bench.cache, withIntermediateDirectories: true)
        try Data(repeating: 1, count: 4096).write(to: URL(filePath: bench.cache + "/state.sqlite"))
        for arguments in [Self.submit, ["status"]] {
            let answer = try await bench.orchestrator(arguments)
            #expect(answer.code == 1)
            #expect(answer.error.contains("state.sqlite is damaged (file is not a database)"))
        }
        #expect(bench.files() == ["state.sqlite"])
    }

    private func expectNothingStored() async throws {
        let status = try await bench.orchestrator(["status"])
        #expect(status.error.contains("no job has been submitted"), "\(status.output)")
        #expect(bench.files().filter { $0 != "jobs" && !$0.hasPrefix("state.sqlite") } == [])
    }
}
