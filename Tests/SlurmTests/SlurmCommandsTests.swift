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
        try folder.add("squeue", "exit 0")
        let refusal = SlurmError.refused(command: "sbatch", message: "invalid partition specified: gpu")
        await #expect(throws: refusal) {
            try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        }
        #expect("\(refusal)" == "sbatch failed: invalid partition specified: gpu")
    }

    @Test func aJobThatWasTakenThoughSbatchFailedIsFoundByItsName() async throws {
        try folder.add("sbatch", "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1")
        try folder.add("squeue", #"echo "$@" > "$0.args"; echo '16_1|17|16|1|PENDING|spd-a|n1|None'"#)
        let job = try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        #expect(job == SlurmJobID(rawValue: 16))
        #expect(try folder.read("squeue.args") == "-h -r -t all -n spd-a -o %i|%A|%F|%K|%T|%j|%N|%r\n")
    }

    @Test func anSbatchThatHangsIsStoppedAndItsJobFound() async throws {
        try folder.add("sbatch", "exec sleep 60")
        try folder.add("squeue", "echo '20|20|20|N/A|RUNNING|spd-a|n1|None'")
        let job = try await folder.commands(submitPatience: .milliseconds(300))
            .submit(scriptAt: "/s", name: "spd-a")
        #expect(job == SlurmJobID(rawValue: 20))
    }

    @Test func whenNobodyCanTellTheSubmissionIsUncertain() async throws {
        let message = "Unable to contact slurm controller (connect failure)"
        try folder.add("sbatch", "echo 'sbatch: error: Socket timed out' >&2; exit 1")
        try folder.add("squeue", "echo 'slurm_load_jobs error: \(message)' >&2; exit 1")
        await #expect {
            try await folder.commands().submit(scriptAt: "/s", name: "spd-a")
        } throws: { error in
            guard case SlurmError.uncertain(name: "spd-a", let cause) = error else { return false }
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

    @Test func theSurroundingJobsVariablesAreNotPassedOn() async throws {
        try folder.add("sbatch", #"env | grep -E '^(SLURM|SBATCH|WANDB)_' | sort > "$0.env"; echo 1"#)
        _ = try await folder.commands(adding: [
            "SLURM_JOB_ID": "5", "SLURM_CONF": "/etc/slurm.conf", "SBATCH_EXPORT": "NONE",
            "SBATCH_ACCOUNT": "lab", "WANDB_API_KEY": "not-a-real-key",
        ]).submit(scriptAt: "/s", name: "spd-a")
        #expect(
            try folder.read("sbatch.env") == """
                SLURM_CONF=/etc/slurm.conf
                WANDB_API_KEY=not-a-real-key

                """)
    }

    @Test func unexpectedOutputIsShown() async throws {
        try folder.add("squeue", "echo 'Queue is on holiday'")
        await #expect(throws: SlurmError.unreadable(command: "squeue", output: "Queue is on holiday")) {
            try await folder.commands().queue(named: "spd-a")
        }
    }
}

/// A folder of executables that stand in for SLURM's.
final class StandIns: Sendable {
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
