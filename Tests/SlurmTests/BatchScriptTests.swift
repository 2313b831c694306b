import Foundation
import TestFiles
import Testing

@testable import Slurm

struct BatchScriptTests {
    let script = BatchScript(
        name: "spd-k3j9x0qa", agentCount: 4, workingDirectory: "/home/me/project",
        logs: "/home/me/spd_cache/jobs/7/logs",
        variables: [.init("SPD_CACHE_DIR", "/home/me/spd_cache"), .init("OMP_NUM_THREADS", "1")],
        command: ["/home/me/spd_cache/jobs/7/worker", "--job-id", "7"])

    @Test func severalAgentsAreOneArray() throws {
        try expectSnapshot(script.text, "array.sh")
    }

    @Test func oneAgentIsAPlainJob() throws {
        var single = script
        single.agentCount = 1
        try expectSnapshot(single.text, "single.sh")
    }

    @Test func whatEachAgentIsToGetStandsInTheScript() {
        let script = BatchScript(
            name: "spd-x", agentCount: 1,
            resources: ["exclude": "n17,n[20-22]", "cpus-per-task": "8", "time": "4:00:00", "constraint": "a&b"],
            warning: .seconds(300), workingDirectory: "/", logs: "/logs", variables: [], command: ["/worker"])
        let options = script.text.split(separator: "\n").filter { $0.hasPrefix("#SBATCH") }
        for option in [
            #"--exclude="n17,n[20-22]""#, "--cpus-per-task=8", "--time=4:00:00", #"--constraint="a&b""#,
            "--signal=B:USR1@300",
        ] { #expect(options.contains("#SBATCH " + option)) }
        #expect(options.count { $0.contains("cpus-per-task") } == 1)
    }

    @Test func pathsWithSpecialCharactersAreQuoted() throws {
        var odd = script
        odd.workingDirectory = #"/home/me/my "sweeps" & \more"#
        odd.logs = "/scratch/100% mine/logs"
        odd.variables = [.init("SPD_CACHE_DIR", "/scratch/it's $HOME")]
        odd.command = ["/scratch/it's here/worker", "--job-id", "7"]
        try expectSnapshot(odd.text, "quoted.sh")
    }

    @Test(arguments: ["single.sh", "quoted.sh", "array.sh"])
    func theShellAcceptsTheScript(name: String) throws {
        let check = Process()
        check.executableURL = URL(filePath: "/bin/sh")
        check.arguments = ["-n", Checkout.path + "/" + snapshots + name]
        try check.run()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0)
    }
}

/// Compares with a file that a person can read; `SPD_RECORD_SNAPSHOTS=1` writes the file anew.
private func expectSnapshot(_ text: String, _ name: String) throws {
    #expect(text == (try Checkout.pinned(text, in: snapshots + name)))
}

private let snapshots = "Tests/SlurmTests/Snapshots/"
