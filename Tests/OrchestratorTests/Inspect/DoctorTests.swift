import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

struct DoctorTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench("doctor", adding: ["SPD_WORKER": Workbench.products + "/worker"])
    }

    private func findings(
        _ arguments: [String] = [], adding: [String: String] = [:], code: Int32
    ) async throws -> [String: Finding] {
        let answer = try await bench.orchestrator(["doctor", "--offline", "--json"] + arguments, adding: adding)
        #expect(answer.code == code, "\(answer.error)\n\(answer.output)")
        let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
        #expect(report.problems == report.findings.count { $0.level == .problem })
        #expect(report.warnings == report.findings.count { $0.level == .warning })
        return Dictionary(report.findings.map { ($0.subject, $0) }) { first, _ in first }
    }

    @Test func whereNothingIsWrongTheFolderAndTheWorkerAreFine() async throws {
        let found = try await findings(code: 0)
        for subject in ["state folder", "rename", "locks", "visibility", "clock", "programs", "worker", "libcurl"] {
            #expect(found[subject]?.level == .ok, "\(subject): \(found[subject]?.message ?? "not looked at")")
        }
        #expect(found["state folder"]?.message == "\(bench.cache) can be made; the first submit does")
        #expect(found["SLURM"]?.message == "there is none here: agents run on this machine")
        #expect(bench.files().isEmpty, "nothing is left behind")

        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2"], adding: ["SPD_WORKER": "/bin/true"])
        let later = try await findings(code: 0)
        #expect(later["state folder"]?.message == "\(bench.cache) is there and writable")
        #expect(later["state file"]?.message == "\(bench.cache)/state.sqlite can be read: 1 job")
    }

    @Test func theHubsCachesAndTokenAreTold() async throws {
        let home = bench.path + "/hf"
        _ = try bench.write("main", to: "hf/hub/models--org--name/refs/main")
        let offline = try await findings(adding: ["HF_HOME": home, "HF_TOKEN": "hf_secret"], code: 0)
        #expect(offline["HF hub"]?.message == "not asked (--offline); the token from HF_TOKEN is there")
        #expect(offline["HF caches"]?.message.hasPrefix("\(home)/hub (1), \(home)/datasets (nothing), ") == true)

        // No way to the hub is a word, not a failure.
        let answer = try await bench.orchestrator(
            ["doctor", "--json"],
            adding: [
                "HF_HOME": home, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "hf_secret", "WANDB_MODE": "disabled",
            ])
        #expect(answer.code == 0, "\(answer.output)")
        let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
        let hub = try #require(report.findings.first { $0.subject == "HF hub" })
        #expect(hub.level == .warning)
        #expect(hub.advice?.contains("from the caches") == true)
        #expect(!answer.output.contains("hf_secret"))
    }

    @Test func peopleGetALineForEachFindingAndOneForTheAdvice() async throws {
        _ = try bench.write("partion: cpu\n", to: "cache/site.yaml")
        let answer = try await bench.orchestrator(["doctor", "--offline"])
        #expect(answer.code == 1)
        #expect(answer.output.contains("\nok       locks         another process sees them"))
        #expect(
            answer.output.contains(
                """
                problem  site file     \(bench.cache)/site.yaml:1:1: partion: unknown key; did you mean partition?
                                       → correct that line

                """))
        #expect(answer.output.contains("\n1 problem"))
        #expect(!answer.output.contains("\u{1B}"), "colours are for terminals")
    }

    @Test func aFolderThatCannotBeIsAProblem() async throws {
        let file = try bench.write("", to: "file")
        let found = try await findings(adding: ["SPD_CACHE_DIR": file + "/cache"], code: 1)
        #expect(found["state folder"]?.level == .problem)
        #expect(found["state folder"]?.message == "\(file)/cache cannot be made: Not a directory")
    }

    @Test func aDamagedStateFileIsAProblem() async throws {
        _ = try bench.write(String(repeating: "no database ", count: 500), to: "cache/state.sqlite")
        let found = try await findings(code: 1)
        #expect(found["state file"]?.level == .problem)
        #expect(found["state file"]?.message.contains("is damaged") == true)
    }

    @Test func aWorkerThatIsMissingOrSomethingElseIsAProblem() async throws {
        let missing = try await findings(adding: ["SPD_WORKER": "/none/worker"], code: 1)
        #expect(missing["worker"]?.message.hasPrefix("SPD_WORKER names /none/worker, which cannot be run") == true)
        let other = try await findings(adding: ["SPD_WORKER": "/bin/true"], code: 1)
        #expect(other["worker"]?.message == "/bin/true about gives no report (exit code 0)")
    }

    @Test func aControllerThatDoesNotAnswerMattersToThoseWhoCountOnIt() async throws {
        for name in ["sbatch", "squeue", "scancel", "srun"] {
            _ = try bench.writeProgram("echo slurm-wlm 22.05.8", to: "bin/" + name)
        }
        _ = try bench.writeProgram("echo 'Slurmctld(primary) at head is DOWN'; exit 1", to: "bin/scontrol")
        let found = try await findings(code: 0)
        #expect(found["SLURM"]?.level == .warning)
        #expect(found["SLURM"]?.advice == "until it answers, `submit` starts no agents but with --executor local")
        let wanted = try await findings(["--slurm"], code: 1)
        #expect(wanted["SLURM"]?.level == .problem)
        #expect(wanted["nodes"]?.message == "not looked at")
    }

    @Test func sitesLimitsAndPartitionsAreToldAndAnUnknownOneIsAProblem() async throws {
        for name in ["sbatch", "squeue", "scancel", "srun"] {
            _ = try bench.writeProgram("echo slurm-wlm 22.05.8", to: "bin/" + name)
        }
        _ = try bench.writeProgram(
            """
            case "$*" in
            ping) echo 'Slurmctld(primary) at head is UP';;
            'show config') echo 'Configuration data as of now'; echo 'MaxArraySize            = 1001';;
            *) echo 'PartitionName=cpu Default=YES State=UP MaxTime=1-00:00:00 TotalNodes=8 TotalCPUs=64'
               echo 'PartitionName=big Default=NO State=UP';;
            esac
            """, to: "bin/scontrol")
        let found = try await findings(code: 0)
        #expect(found["SLURM limits"]?.message == "MaxArraySize 1001")
        #expect(
            found["partition"]?.message
                == "cpu: 8 nodes, 64 CPUs, at most 1-00:00:00 (the default of cpu, big)")
        let unknown = try await findings(adding: ["SBATCH_PARTITION": "cpus"], code: 1)
        #expect(unknown["partition"]?.message == "the environment names 'cpus', which is unknown")
    }

    @Test func aControlGroupsShareIsTold() throws {
        let group = "root/sys/fs/cgroup/user"
        _ = try bench.write("0::/user/inner\n", to: "root/proc/self/cgroup")
        _ = try bench.write(
            "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", to: "root/proc/self/mountinfo")
        _ = try bench.write("MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n", to: "root/proc/meminfo")
        // The group above is the one that limits.
        _ = try bench.write("50000 100000\n", to: group + "/cpu.max")
        _ = try bench.write("600000000\n", to: group + "/memory.max")
        _ = try bench.write("100000000\n", to: group + "/memory.current")
        let found = MachineCheck(environment: [:], root: bench.path + "/root").findings()
        #expect(found[0].level == .warning)
        #expect(found[0].message.hasSuffix("a control group allows 0.5 of them"))
        #expect(found[1].level == .warning)
        #expect(found[1].message == "500.0 MB of the 600.0 MB of this process's control group free")
    }

    @Test(arguments: [0, 1])
    func twoNodesThatShareAFolderFindEachOthersLocks(firstToCome: Int) async throws {
        let folder = bench.path + "/meeting"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await withThrowingTaskGroup(of: Workbench.Answer.self) { group in
            for number in [firstToCome, 1 - firstToCome] {
                group.addTask {
                    try await bench.orchestrator(
                        ["doctor-probe", "node", folder],
                        adding: ["SLURM_PROCID": String(number), "SLURMD_NODENAME": "n\(number)"])
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            for try await answer in group { #expect(answer.code == 0, "\(answer.error)") }
        }
        let meeting = NodesMeeting(folder: folder)
        let done = try #require(meeting.note("done"))
        #expect(done.host == "n1")
        #expect(meeting.note("held")?.host == "n0")
        #expect(done.held == .held)
        #expect(done.free == .free)
        #expect(done.isFresh == true)
        #expect(try #require(done.delay) < 30)
    }

    @Test func whatASecondProcessMustSeeOfALockIsDecided() {
        let blind = LockReport.free.problem(expected: .held, subject: "locks", other: "n2")
        #expect(blind?.message == "n2 does not see that a file is locked: two agents could change the state at once")
        let none = LockReport(ranges: .unsupported(reason: "No locks available"), whole: .held)
        #expect(
            none.problem(expected: .held, subject: "locks", other: "n2")?.message
                == "byte-range locks (fcntl) do not work here: No locks available")
        #expect(LockReport.held.problem(expected: .held, subject: "locks", other: "n2") == nil)
        #expect(LockReport.held.problem(expected: .free, subject: "locks", other: "n2")?.level == .problem)
    }

    @Test(arguments: [(0.5, Finding.Level.ok), (-7, .warning), (600, .problem)])
    func aClockThatIsOffIsTold(skew: Double, level: Finding.Level) {
        #expect(ScratchProbe.clock(skew, of: "n2", subject: "clock").level == level)
    }

    private struct Report: Decodable {
        let findings: [Finding]
        let problems: Int
        let warnings: Int
    }
}
