import ArgumentParser
import Foundation
import Orchestration
import Slurm
import Store
import WandB

/// Looks at everything that runs depend on.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract:
            "Check the state folder, SLURM, W&B, the hub, the worker, Python and this machine, and say what to fix.",
        discussion: """
            EXAMPLES
              orchestrator doctor              on the machine you submit from
              orchestrator doctor --slurm      also whether two nodes share the folder
              orchestrator doctor --offline    contacts no W&B server and no hub

            Exit codes: 0 no problems (there may be warnings), 1 there are problems.
            Nothing is left behind, and no check takes longer than its limit, even on a dead file server.
            """)

    @Flag(help: "Also run a job of a few seconds on two nodes that check each other's files and locks.")
    var slurm = false

    @Option(
        help: ArgumentHelp("How long --slurm's job may wait for its nodes.", valueName: "seconds"))
    var wait = 60

    @Flag(help: "Contact no W&B server and no Hugging Face hub.")
    var offline = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard wait >= 1 else { throw ValidationError("--wait is \(wait); it takes 1 or more seconds") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        var report = DoctorReport(
            print: json ? nil : TerminalStyle.forStandardOutput(environment: environment))
        let cache = try OpenStore.folder(environment)
        report.add(FolderProbe.findings(of: cache, environment: environment))
        report.add(WorkerCheck(environment: environment).findings())
        report.add(MachineCheck().findings())
        // Its jobs' observers are files of the state folder: a file server that gives no answer is not asked again.
        let observers = ObserverCheck(cache: report.allows("state folder") ? cache : nil, environment: environment)
        report.add(observers.findings())
        let commands = SlurmCommands(environment: environment)
        let check = SlurmCheck(commands: commands, environment: environment, isWanted: slurm)
        report.add(await check.findings())
        if slurm {
            // Two nodes say nothing about a folder that is unusable here.
            if report.allows("state folder"), report.allows("SLURM") {
                let nodes = NodesCheck(cache: cache, commands: commands, patience: .seconds(wait))
                report.add(await nodes.findings())
            } else {
                report.add([.warning("nodes", "not looked at", "fix the problems above first")])
            }
        }
        report.add(HubCheck(environment: environment, isOffline: offline).findings())
        if !offline { report.add(Self.wandb(environment)) }
        Swift.print(json ? try report.json() : report.summary, terminator: "")
        if report.problems > 0 { throw ExitCode(Failure.failed) }
    }

    private static func wandb(_ environment: [String: String]) -> [Finding] {
        WandBCheck.remarks(
            environment: environment, workingDirectory: FileManager.default.currentDirectoryPath,
            homeDirectory: environment["HOME"]
        ).map { remark in
            let level: Finding.Level =
                switch remark.severity {
                case .good: .ok
                case .note: .warning
                case .problem: .problem
                }
            return Finding(
                level: level, subject: "W&B \(remark.subject)", message: remark.message, advice: remark.advice)
        }
    }
}
