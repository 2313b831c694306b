import Foundation
import Testing

@testable import Slurm

/// States that a real SLURM can't be made to show, played by small executables on `PATH`.
struct SlurmCommandsTests {
    let folder: StandIns

    init() throws { folder = try StandIns() }

    @Test func aSubmissionReturnsTheJobsNumber() async throws {
        try folder.add("sbatch", #"echo "$@" > "$0.args"; echo 812"#)
        let job = try await folder.commands().submit(scriptAt: "/jobs/7/submit.sh", name: "spd-a")
        #expect(job == SlurmJobID(rawValue: 812))
        #expect(try folder.read("sbatch.args") == "--parsable /jobs/7/submit.sh\n")
    }

    @Test func aRefusalCarriesSlurmsReason() async throws {
        try folder.add("sbatch", "echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1")
        try folder.add("squeue", StandIns.emptyQueue)
        let refusal = SlurmError.refused(command: "sbatch", message: "invalid partition specified: gpu")
        await #expect(throws: refusal) {
            try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        }
        #expect("\(refusal)" == "sbatch failed: invalid partition specified: gpu")
    }

    @Test func aJobThatWasTakenThoughSbatchFailedIsFoundByItsName() async throws {
        try folder.add("sbatch", "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1")
        try folder.add("squeue", #"echo "$@" > "$0.args"; echo '16_1|17|16|1|PENDING|spd-a|n1|None||.'"#)
        let job = try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        #expect(job == SlurmJobID(rawValue: 16))
        #expect(try folder.read("squeue.args") == "-r -t all -u \(getuid()) -o %i|%A|%F|%K|%T|%j|%N|%r|%o|.\n")
    }

    @Test func anSbatchThatHangsIsStoppedAndItsJobFound() async throws {
        try folder.add("sbatch", "exec sleep 60")
        try folder.add("squeue", "echo '20|20|20|N/A|RUNNING|spd-a|n1|None||.'")
        let job = try await folder.commands(submitPatience: .milliseconds(300))
            .submit(scriptAt: "/s", name: "spd-a")
        #expect(job == SlurmJobID(rawValue: 20))
    }

    /// A controller that is too busy takes jobs minutes after `sbatch` has given up.
    @Test(arguments: [
        "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1",
        "echo 'sbatch: error: Zero Bytes were transmitted or received' >&2; exit 1", "exec sleep 60",
        "echo 'sbatch: error: Unable to contact slurm controller (receive failure)' >&2; exit 1",
        "echo 'sbatch: error: Unexpected message received' >&2; exit 1", "kill -9 $$", "exit 137", "exit 0",
        "echo 'Have a nice day'",
    ])
    func aRequestWithoutAnAnswerIsNotARefusal(script: String) async throws {
        try folder.add("sbatch", script)
        try folder.add("squeue", StandIns.emptyQueue)
        await #expect {
            try await folder.commands(submitPatience: .milliseconds(300)).submit(scriptAt: "/s", name: "spd-a")
        } throws: { error in
            guard case SlurmError.uncertain(name: "spd-a", _, mayCome: true) = error else { return false }
            return true
        }
    }

    @Test(arguments: ["Unable to contact slurm controller (connect failure)", "invalid partition specified: gpu"])
    func aFailureThatAWrapperHidesIsOne(message: String) async throws {
        try folder.add("sbatch", "echo 'sbatch: error: \(message)' >&2; exit 0")
        try folder.add("squeue", StandIns.emptyQueue)
        await #expect {
            try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        } throws: { error in
            "\(error)".contains(message) && !"\(error)".contains("may or may not")
        }
    }

    /// A site's `squeue` may answer with all that it has kept, whatever it is asked.
    @Test func otherJobsInAnAnswerAreNotTakenForOurs() async throws {
        try folder.add("squeue", StandIns.emptyQueue + "; echo '55|55|55|N/A|PENDING|thesis|n1|None||.'")
        try folder.add("sbatch", "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1")
        let commands = folder.commands()
        #expect(try await commands.queue(named: "spd-a") == [])
        await #expect {
            try await commands.submit(scriptAt: "/s", name: "spd-a")
        } throws: { error in
            guard case SlurmError.uncertain = error else { return false }
            return true
        }
        try folder.add("sbatch", "echo 55; echo 812")
        #expect(try await commands.submit(scriptAt: "/s", name: "spd-a") == SlurmJobID(rawValue: 812))
    }

    @Test func ofSeveralNumbersTheQueueKnowsTheJobs() async throws {
        try folder.add("sbatch", "echo 812; echo 'Hours left in your project:'; echo 1200")
        try folder.add("squeue", "echo '812|812|812|N/A|PENDING|spd-a|n1|None||.'")
        let commands = folder.commands()
        #expect(try await commands.submit(scriptAt: "/s", name: "spd-a") == SlurmJobID(rawValue: 812))
        try folder.add("sbatch", "echo Submitted batch job 812; echo 1200")
        #expect(try await commands.submit(scriptAt: "/s", name: "spd-a") == SlurmJobID(rawValue: 812))
    }

    @Test func whichOfSeveralNumbersIsTheJobsStaysOpenWhileTheQueueIsSilent() async throws {
        try folder.add("sbatch", "echo 812; echo 'Hours left in your project:'; echo 1200")
        try folder.add("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
        await #expect {
            try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        } throws: { error in
            guard case SlurmError.uncertain(name: "spd-a", _, mayCome: true) = error else { return false }
            return true
        }
    }

    /// What is missing in an answer that was cut off is not what has ended.
    @Test(arguments: [
        "JOBID|JOBID|ARRAY_JOB",
        "JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|NAME|NODELIST|REASON|COMMAND|.\n7|7|7|N/A|RUNN",
        "JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|NAME|NODELIST|REASON|COMMAND|.\n16_3", "JOBI", "", "\\n",
        "JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|NAME|NODELIST|REASON|COMMAND|.\n7|7|7|N/A|RUNNING|a|n1|Non",
        "JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|NAME|NODELIST|REASON|COMMAND|.\n16\n",
    ])
    func anAnswerThatIsCutOffIsNone(text: String) async throws {
        try folder.add("squeue", "printf '\(text)'")
        await #expect(throws: SlurmError.self) { try await folder.commands().queue(named: "spd-a") }
    }

    /// SLURM takes any name for a job; one with a line break must not hide all others.
    @Test func aNameMayHoldAnything() async throws {
        let names = ["my\nthesis", "a|b|c", "x\n8|8|8\n", "spd-a"]
        let lines = names.enumerated().map { "\($0 + 1)|\($0 + 1)|\($0 + 1)|N/A|RUNNING|\($1)|n1|None|/s.sh|." }
        let text = ["JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|NAME|NODELIST|REASON|COMMAND|."] + lines
        try folder.add("squeue", "echo '\(text.joined(separator: "\n"))'")
        let entries = try await folder.commands().queue(of: [getuid()])
        #expect(entries.map(\.name) == ["1", "2", "3", "4"])
        #expect(entries[0].jobName == "my\nthesis")
        #expect(entries[3].script == "/s.sh")
        #expect(try await folder.commands().queue(named: "spd-a").map(\.name) == ["4"])
    }

    @Test func accountsThatCantBeAskedAreTold() async throws {
        try folder.add("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
        let job = SlurmJobID(rawValue: 7)
        #expect(try await folder.commands().accounts(of: [job]) == nil)
        try folder.add("sacct", "echo 'sacct: error: slurm_persist_conn_open: Connection refused' >&2; exit 1")
        await #expect(throws: SlurmError.self) { try await folder.commands().accounts(of: [job]) }
    }

    @Test func nothingIsNoAnswerOfTheAccountsAndOfTheTimeThatIsLeft() async throws {
        let job = SlurmJobID(rawValue: 7)
        for text in ["", "maintenance\\n", "7|50|1|00:02|", "JobID|ElapsedRaw\\n7|50|1|0"] {
            try folder.add("sacct", "printf '\(text)'")
            await #expect(throws: SlurmError.self, "\(text)") { try await folder.commands().accounts(of: [job]) }
            await #expect(throws: SlurmError.self, "\(text)") { try await folder.commands().accounted(named: "spd-a") }
        }
        try folder.add("sacct", "echo 'JobID|ElapsedRaw|AllocCPUS|TotalCPU|MaxRSS|Submit|Start'")
        #expect(try await folder.commands().accounts(of: [job]) == [])
        try folder.add("squeue", "exit 0")
        await #expect(throws: SlurmError.self) { try await folder.commands().timeLeft(of: job) }
        try folder.add("squeue", "echo '7|UNLIMITED'")
        #expect(try await folder.commands().timeLeft(of: job) == nil)
    }

    @Test func theAccountsRememberTheJobsOfANameAndARowThatIsCutOffIsTold() async throws {
        let header = "JobID|JobIDRaw|State|JobName|NodeList|Reason"
        try folder.add(
            "sacct",
            """
            echo 'Welcome to the cluster'; echo '\(header)'; echo '812_3|815|OUT_OF_MEMORY|spd-a|n1|None'
            echo '99|99|COMPLETED|thesis|n1|None'; echo '820|820|CANCELLED by 0|spd-a|None assigned|None'
            """)
        let jobs = try await folder.commands().remembered(named: "spd-a")
        #expect(jobs.map(\.name) == ["812_3", "820"])
        #expect(jobs.map(\.state.rawValue) == ["OUT_OF_MEMORY", "CANCELLED"])
        #expect(jobs.map(\.nodes) == ["n1", ""])

        try folder.add("sacct", "echo '\(header)'; echo '812_3|815|OUT_OF_MEM'")
        await #expect(throws: SlurmError.self) { try await folder.commands().remembered(named: "spd-a") }
    }

    @Test func whenNobodyCanTellTheSubmissionIsUncertain() async throws {
        let message = "Unable to contact slurm controller (connect failure)"
        try folder.add("sbatch", "echo 'sbatch: error: Socket timed out' >&2; exit 1")
        try folder.add("squeue", "echo 'slurm_load_jobs error: \(message)' >&2; exit 1")
        await #expect {
            try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        } throws: { error in
            guard case SlurmError.uncertain(name: "spd-a", let cause, mayCome: true) = error else { return false }
            return cause.contains(message)
        }
    }

    @Test func aMissingCommandIsNamed() async throws {
        #expect(!folder.commands().isInstalled)
        await #expect(throws: SlurmError.notInstalled(command: "sbatch")) {
            try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        }
        try folder.add("sbatch", "exit 0")
        #expect(folder.commands().isInstalled)
    }

    @Test func aControllerThatIsDownIsUnreachable() async throws {
        try folder.add("scontrol", "echo 'Slurmctld(primary) at node0 is DOWN'")
        await #expect(
            throws: SlurmError.unreachable(
                command: "scontrol", message: "Slurmctld(primary) at node0 is DOWN")
        ) { try await folder.commands().ping() }
        try folder.add("scontrol", "echo 'Slurmctld(primary) at node0 is UP'")
        try await folder.commands().ping()
    }

    @Test func defaultsOfSlurmsCommandsAndOfASurroundingJobReachNone() async throws {
        let note = #"env | grep -E '^_?S[A-Z]*_|^WANDB' | sort > "$0.env""#
        for name in ["sbatch", "scancel", "scontrol"] {
            try folder.add(name, note + "; echo 812; echo Slurmctld is UP")
        }
        try folder.add("sacct", note + "; echo 'JobID|JobName'")
        try folder.add("squeue", note + "; " + StandIns.emptyQueue)
        let conf = try folder.file("slurm.conf")
        let commands = folder.commands(adding: [
            "SLURM_CONF": conf, "SLURM_JWT": "token", "SLURM_JOB_ID": "5", "SLURM_CLUSTERS": "other",
            "SLURM_TIME_FORMAT": "relative", "SBATCH_EXPORT": "NONE", "SBATCH_ACCOUNT": "lab",
            "SQUEUE_PARTITION": "short", "SQUEUE_STATES": "RUNNING", "SQUEUE_USERS": "nobody", "SQUEUE_FORMAT": "%i",
            "SCANCEL_INTERACTIVE": "true", "SCANCEL_PARTITION": "short", "SCONTROL_ALL": "1", "SACCT_FEDERATION": "1",
            "SINFO_FORMAT": "%P", "SPANK_X": "1", "_SLURM_SPANK_OPTION_x": "1", "WANDB_API_KEY": "not-a-real-key",
            "SPD_CACHE_DIR": "/cache", "SHELL_X": "kept",
        ])
        _ = try await commands.submit(scriptAt: "/s", name: "spd-a")
        _ = try await commands.queue(of: [getuid()])
        try await commands.cancel(named: "spd-a", scripts: "/jobs/1/submit")
        try await commands.ping()
        _ = try await commands.accounted(named: "spd-a")
        for name in ["sbatch", "scancel", "scontrol", "squeue", "sacct"] {
            #expect(
                try folder.read("\(name).env") == """
                    SHELL_X=kept
                    SLURM_CONF=\(conf)
                    SLURM_JWT=token
                    SPD_CACHE_DIR=/cache
                    WANDB_API_KEY=not-a-real-key

                    """)
        }
    }

    @Test func onlyTheCallersOwnJobsAreLookedAtAndCancelled() async throws {
        for name in ["squeue", "scancel", "sacct"] {
            try folder.add(name, #"echo "$@" >> "$0.args"; "# + StandIns.emptyQueue)
        }
        try folder.add("sacct", #"echo "$@" >> "$0.args"; echo 'JobID|JobName'"#)
        let commands = folder.commands()
        _ = try await commands.queue(named: "spd-a")
        _ = try await commands.accounted(named: "spd-a")
        try await commands.cancel(named: "spd-a", scripts: "/jobs/1/submit")
        try await commands.cancelPending(named: "spd-a")
        #expect(try folder.read("squeue.args").contains("-u \(getuid()) -n spd-a"))
        #expect(try folder.read("sacct.args").contains("--user \(getuid()) --name spd-a"))
        for line in try folder.read("scancel.args").split(separator: "\n") {
            #expect(line.hasPrefix("--user \(getuid()) --name spd-a"))
        }
    }

    @Test func wordsThatAWrapperPrintsAroundAnswersChangeNothing() async throws {
        let banner = "echo '*** Cluster c2: maintenance | on | 2026-12-01 ***'; echo 'Be nice.' >&2"
        try folder.add("sbatch", "\(banner); echo 812; echo 'Queue: 3 jobs'")
        try folder.add(
            "squeue", "\(banner); \(StandIns.emptyQueue); echo '7|7|7|N/A|PENDING|spd-a|n1|None||.'; \(banner)")
        try folder.add("sacct", "\(banner); echo '2026 will be great'; echo 'JobID|JobName'; echo '35_3|spd-a'")
        try folder.add("scontrol", "echo 'UPGRADE is UP to you'; echo 'Slurmctld(primary) at n is DOWN'")
        let commands = folder.commands()
        #expect(try await commands.submit(scriptAt: "/s", name: "spd-a") == SlurmJobID(rawValue: 812))
        #expect(try await commands.queue(of: [getuid()]).map(\.name) == ["7"])
        #expect(try await commands.accounted(named: "spd-a") == [SlurmJobID(rawValue: 35)])
        await #expect(throws: SlurmError.self) { try await commands.ping() }
        try folder.add("squeue", "\(banner); \(StandIns.emptyQueue)")
        #expect(try await commands.queue(of: [getuid()]) == [])
        try folder.add("squeue", "\(banner); echo '7|30:00'; \(banner)")
        #expect(try await commands.timeLeft(of: SlurmJobID(rawValue: 7)) == .seconds(1800))
        try folder.add("sbatch", "\(banner); echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1")
        try folder.add("squeue", StandIns.emptyQueue)
        await #expect(throws: SlurmError.refused(command: "sbatch", message: "invalid partition specified: gpu")) {
            try await commands.submit(scriptAt: "/s", name: "spd-a")
        }
    }

    @Test func aMissingConfigurationIsNotAControllerThatIsDown() async throws {
        try folder.add(
            "scontrol",
            "echo 'scontrol: error: fetch_config: DNS SRV lookup failed' >&2; "
                + "echo 'scontrol: fatal: Could not establish a configuration source' >&2; exit 1")
        await #expect(
            throws: SlurmError.notConfigured(
                command: "scontrol", message: "Could not establish a configuration source")
        ) { try await folder.commands().ping() }
        await #expect(
            throws: SlurmError.unreachable(
                command: "scontrol", message: "SLURM_CONF names /no/slurm.conf, which can't be read")
        ) { try await folder.commands(adding: ["SLURM_CONF": "/no/slurm.conf"]).ping() }
    }

    @Test func unexpectedOutputIsShown() async throws {
        for text in ["Queue is on holiday", "7|seven|7|N/A|PENDING|spd-a|n1|None||."] {
            try folder.add("squeue", "echo '\(text)'")
            await #expect(throws: SlurmError.unreadable(command: "squeue", output: text)) {
                try await folder.commands().queue(named: "spd-a")
            }
        }
    }
}

/// A folder of executables that stand in for SLURM's.
final class StandIns: Sendable {
    /// What `squeue` does where nothing is queued.
    static let emptyQueue = "echo 'JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|NAME|NODELIST|REASON|COMMAND|.'"

    private let path: String

    init() throws {
        path = NSTemporaryDirectory() + "spd-slurm-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // No system folder on PATH: a SLURM that is installed here must not be found.
        for tool in ["env", "grep", "sort", "sleep"] {
            let real = ["/usr/bin/", "/bin/"].map { $0 + tool }
                .first(where: FileManager.default.isExecutableFile(atPath:))
            try FileManager.default.createSymbolicLink(
                atPath: path + "/" + tool, withDestinationPath: real ?? tool)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func add(_ name: String, _ script: String) throws {
        let file = path + "/" + name
        try "#!/bin/sh\n\(script)\n".write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
    }

    /// Writes an empty file and returns its path.
    func file(_ name: String) throws -> String {
        try "".write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
        return path + "/" + name
    }

    func read(_ name: String) throws -> String {
        try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }

    func commands(
        adding variables: [String: String] = [:], submitPatience: Duration = .seconds(60)
    ) -> SlurmCommands {
        SlurmCommands(
            environment: ["PATH": path].merging(variables) { $1 }, submitPatience: submitPatience)
    }
}
