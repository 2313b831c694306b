import Testing

@testable import Slurm

/// Options of sbatch's that are not the user's to set.
struct SbatchClashTests {
    @Test(arguments: [
        ("--job-name=x", "job-name"), ("--job-name x", "job-name"), ("--job-name", "job-name"),
        ("--job-n=x", "job-name"),
        ("-J", "job-name"), ("-Jx", "job-name"), ("-J x", "job-name"), ("-J=x", "job-name"), ("-HJx", "job-name"),
        ("--arr=1-3", "array"), ("-a1-3", "array"), ("--out=x", "output"), ("-o/dev/null", "output"),
        ("--err=x", "error"),
        ("--export=NONE", "export"), ("--export-file=f", "export-file"), ("--com=x", "comment"),
        ("--sig=B:TERM", "signal"),
        ("--req", "requeue"), ("--no-r", "no-requeue"), ("--pars", "parsable"), ("--wrap=ls", "wrap"),
        ("-D/tmp", "chdir"),
        ("--chd=/tmp", "chdir"), ("-t5", "time"), ("--time=5", "time"), ("--mem=1G", "mem"), ("-c4", "cpus-per-task"),
        ("-N2", "nodes"), ("-n 2", "ntasks"), ("--ntasks-per-node=2", "ntasks-per-node"), ("-kn2", "ntasks"),
        ("-p gpu", "partition"), ("-M c2", "clusters"), ("-W", "wait"), ("--test-only", "test-only"), ("-h", "help"),
        ("--cpus-per-gpu=2", "cpus-per-gpu"),
    ])
    func theyAreFoundInEverySpelling(argument: String, option: String) throws {
        let clash = try #require(SbatchClash(in: argument))
        #expect(clash.options == [option])
    }

    @Test(arguments: [
        "--hold", "-H", "-v", "--hint=nomultithread", "--mem-per-cpu=1G", "--mem-p=1G", "--exclusive", "--time-min=5",
        "--gres-flags=enforce-binding", "--reservation=r", "--dependency=afterok:5", "-dafterok:5", "--begin=now+1hour",
        "--mail-user=jan@lab", "-w n1", "--wait-all-nodes=1", "--nice=100", "--cluster-constraint=x", "-Gn",
        "--no-kill",
        "-LJob", "--comment-free-option=1",
    ])
    func othersPass(argument: String) {
        #expect(SbatchClash(in: argument) == nil)
    }

    @Test func theyAreNamedInFullAndWithWhatIsToBeDone() throws {
        let job = try #require(SbatchClash(in: "-Jx"))
        #expect(job.meaning == "'-Jx' stands for sbatch's --job-name")
        #expect(job.remedy == .other("agents are found by it; --job-suffix adds to it"))
        #expect(SbatchClash(in: "--mem=1G")?.meaning == "'--mem=1G' is sbatch's --mem")
        #expect(SbatchClash(in: "--mem=1G")?.remedy == .sameName)
        #expect(SbatchClash(in: "--ex=n1")?.meaning == "'--ex=n1' may stand for --exclude or --export or --export-file")
    }

    @Test(arguments: [
        ([], ["--dependency=afterany:7:8"]), (["--hold"], ["--hold", "--dependency=afterany:7:8"]),
        (["--dependency=afterok:5"], ["--dependency=afterok:5", "--dependency=afterok:5,afterany:7:8"]),
        (["--dep afterok:5"], ["--dep afterok:5", "--dependency=afterok:5,afterany:7:8"]),
        (["-Hd afterok:5"], ["-Hd afterok:5", "--dependency=afterok:5,afterany:7:8"]),
        (["-dafterok:5?afterok:6"], ["-dafterok:5?afterok:6"]),
    ])
    func aUsersDependencyAndOursAreBothMet(given: [String], all: [String]) {
        let jobs: Set = [SlurmJobID(rawValue: 8), SlurmJobID(rawValue: 7)]
        #expect(SbatchDependency.arguments(given, waitingFor: jobs) == all)
        #expect(SbatchDependency.arguments(given, waitingFor: []) == given)
    }
}
