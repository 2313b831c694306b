import Foundation
import Layout
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// How agents get into SLURM's queue: in arrays that the site takes, and once, whatever happens around `sbatch`.
struct SlurmLaunchTests {
    let bench: Workbench
    static let submit = ["submit", "--experiments", "tms_5-2", "--executor", "slurm"]

    init() throws {
        bench = try Workbench()
        for tool in ["cat", "kill", "sed", "wc"]
        where !FileManager.default.fileExists(atPath: bench.path + "/bin/" + tool) {
            let real = ["/usr/bin/", "/bin/"].map { $0 + tool }.first(
                where: FileManager.default.isExecutableFile(atPath:))
            try FileManager.default.createSymbolicLink(
                atPath: bench.path + "/bin/" + tool, withDestinationPath: real ?? tool)
        }
        _ = try bench.writeProgram(
            "echo 'Slurmctld(primary) at node0 is UP'; echo 'MaxArraySize = 11'", to: "bin/scontrol")
        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
        _ = try bench.writeProgram(
            #"[ "$1" = --version ] && exit 0; echo called >> calls; grep -h array= $2 >> arrays; echo 81$(grep -c . calls)"#,
            to: "bin/sbatch")
    }

    private func read(_ name: String) throws -> String {
        try String(contentsOfFile: bench.path + "/" + name, encoding: .utf8)
    }

    @Test func moreAgentsThanAnArrayMayHaveBecomeSeveralArrays() async throws {
        let estimate = try await bench.orchestrator(
            Self.submit + ["--sweep", try bench.seeds(25), "--n-agents", "25", "--dry-run"])
        #expect(estimate.output.contains("Would call sbatch 3 times (as asked), for arrays of 8, 8, 9 agents"))
        let answer = try await bench.orchestrator(Self.submit + ["--sweep", try bench.seeds(25), "--n-agents", "25"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try read("arrays") == "#SBATCH --array=1-8\n#SBATCH --array=1-8\n#SBATCH --array=1-9\n")
        #expect(try await bench.status(of: 1).submission == "submitted")
    }

    @Test func arraysThatExceedASubmitLimitAreHalvedUntilSlurmTakesThem() async throws {
        _ = try bench.writeProgram(
            """
            [ "$1" = --version ] && exit 0
            n=$(sed -n 's/#SBATCH --array=1-//p' $2)
            [ "${n:-1}" -le 3 ] && [ ! -e full ] && { echo x >> calls; echo 81$(grep -c . calls); exit; }
            echo 'sbatch: error: AssocMaxSubmitJobLimit' >&2
            echo 'sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user size)' >&2
            exit 1
            """, to: "bin/sbatch")
        let answer = try await bench.orchestrator(Self.submit + ["--sweep", try bench.seeds(6), "--n-agents", "6"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try read("calls") == "x\nx\n")
        _ = try bench.write("", to: "full")
        let more = try await bench.orchestrator(["resume", "1", "--n-agents", "2"])
        #expect(more.code == 1)
        #expect(more.error.contains("job submit limit"), "\(more.error)")
    }

    /// `submit` is killed by its own sbatch, which has or hasn't handed the job over.
    @Test(arguments: [true, false])
    func aSubmissionThatIsKilledIsFoundOutAndMendedByTheNextCommand(isTaken: Bool) async throws {
        _ = try bench.writeProgram(
            "[ $1 = --version ] && exit 0; echo called >> calls; kill -9 $PPID; \(isTaken ? "echo taken > queue" : "true"); exit 1",
            to: "bin/sbatch")
        let killed = try await bench.orchestrator(Self.submit)
        #expect(killed.code == nil, "killed")
        let token = try #require(bench.token)
        _ = try bench.writeProgram(
            Workbench.emptyQueue + "; [ -e queue ] && echo '90|90|90|N/A|PENDING|\(token)||Priority||.'; exit 0",
            to: "bin/squeue")
        _ = try bench.writeProgram("[ $1 = --version ] && exit 0; echo called >> calls; echo 91", to: "bin/sbatch")
        let next = try await bench.orchestrator(["list"])
        #expect(next.code == 0)
        #expect(
            next.error.contains("job 1: its submission was interrupted; SLURM has it as batch job 9"), "\(next.error)")
        #expect(try await bench.status(of: 1).slurmJobId == (isTaken ? 90 : 91))
        _ = try await bench.orchestrator(["list"])
        #expect(try read("calls") == (isTaken ? "called\n" : "called\ncalled\n"), "never submitted twice")
    }

    @Test func anUncertainSubmissionIsSettledWhenTheControllerAnswersAgain() async throws {
        _ = try bench.writeProgram(
            "[ $1 = --version ] && exit 0; echo called >> calls; echo 'error: Socket timed out' >&2; exit 1",
            to: "bin/sbatch")
        _ = try bench.writeProgram("echo 'error: Socket timed out' >&2; exit 1", to: "bin/squeue")
        #expect(try await bench.orchestrator(Self.submit).code == 0)
        let status = try await bench.orchestrator(["status", "1"])
        #expect(
            status.error.contains("whether SLURM has taken the agents of job 1 is not known yet"), "\(status.error)")
        _ = try bench.writeProgram(Workbench.emptyQueue, to: "bin/squeue")
        _ = try bench.writeProgram("[ $1 = --version ] && exit 0; echo called >> calls; echo 91", to: "bin/sbatch")
        // The controller may still be about to take the first one.
        let early = try await bench.orchestrator(["list"])
        #expect(early.error.contains("job 1 got no answer; if SLURM doesn't show it within "), "\(early.error)")
        #expect(try read("calls") == "called\n")
        let past = try Store(CacheFolder(path: bench.cache), now: { Timestamp.now() + .seconds(-200) })
        try past.noteUnclear(try #require(try past.sbatchCalls(of: JobID(rawValue: 1)).first), mayCome: true)
        #expect(try await bench.orchestrator(["list"]).error.contains("batch job 91"))
        #expect(try await bench.status(of: 1).submission == "submitted")
        #expect(try read("calls") == "called\ncalled\n")
    }

    @Test func theCommandLineGoesBeforeTheEnvironmentAndThatBeforeTheSite() async throws {
        try FileManager.default.createDirectory(atPath: bench.cache, withIntermediateDirectories: true)
        _ = try bench.write(
            "partition: low\naccount: lab\ntime: 1:00:00\nslots: 2\nsbatch-args: [--hint=nomultithread]\n",
            to: "cache/site.yaml")
        let answer = try await bench.orchestrator(
            Self.submit + [
                "--sweep", try bench.seeds(2), "--dry-run", "--time", "4:00:00", "--threads", "3", "--mem", "8G",
            ],
            adding: ["SLURM_PARTITION": "high", "SBATCH_QOS": "fast"])
        #expect(answer.code == 0, "\(answer.error)")
        let lines = answer.output.split(separator: "\n").filter { $0.hasPrefix("#SBATCH") }
        for option in [
            "partition=high", "account=lab", "qos=fast", "time=4:00:00", "mem=8G", "cpus-per-task=6",
            "signal=B:USR1@300",
        ] { #expect(lines.contains("#SBATCH --" + option), "\(option)") }
    }

    @Test func whatClashesInTheSiteFileIsRefusedToo() async throws {
        try FileManager.default.createDirectory(atPath: bench.cache, withIntermediateDirectories: true)
        let site = try bench.write("sbatch-args: [--hint=nomultithread, -t5]\n", to: "cache/site.yaml")
        let answer = try await bench.orchestrator(Self.submit + ["--dry-run"])
        #expect(answer.code == 2)
        #expect(
            answer.error.contains(
                "\(site):1:37: sbatch-args: '-t5' stands for sbatch's --time, which this program sets itself: "
                    + "the key 'time' is for that"), "\(answer.error)")
    }

    @Test func variablesForSbatchThatDoNotReachItAreNamed() async throws {
        let answer = try await bench.orchestrator(
            Self.submit + ["--dry-run"],
            adding: ["SBATCH_EXPORT": "NONE", "SBATCH_ARRAY_INX": "1-3", "SBATCH_QOS": "q"])
        #expect(answer.code == 0)
        #expect(answer.error.contains("SBATCH_ARRAY_INX, SBATCH_EXPORT are not passed on to sbatch"), "\(answer.error)")
        #expect(answer.output.contains("#SBATCH --qos=q"))
    }

    @Test(arguments: [
        (["--partition", "x"], "--partition is for SLURM; these agents run on this machine"),
        (["--slots", "none"], "'none' is invalid for '--slots"), (["--n-agents", "0"], "--n-agents is 0"),
        (
            ["--sbatch-arg", "--array=1-9"],
            "--sbatch-arg: '--array=1-9' is sbatch's --array, which this program sets itself: --n-agents says how many"
        ),
        (
            ["--sbatch-arg", "-p gpu"],
            "'-p gpu' stands for sbatch's --partition, which this program sets itself: use --p"
        ),
        (["--sbatch-arg", "--"], "--sbatch-arg '--' is not an option of sbatch's"),
    ])
    func optionsThatCannotBeMeantAreRefused(options: [String], message: String) async throws {
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--executor", "local"] + options)
        #expect(answer.code == 2)
        #expect(answer.error.contains(message), "\(answer.error)")
    }
}

extension Workbench {
    /// The name of the only job, from its batch script.
    fileprivate var token: String? {
        guard let text = try? String(contentsOfFile: cache + "/jobs/1/submit.sh", encoding: .utf8) else { return nil }
        return (text.firstMatch(of: /--job-name=(\S+)/)?.output.1).map(String.init)
    }
}
