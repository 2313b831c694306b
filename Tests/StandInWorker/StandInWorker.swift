import Foundation
import Store

/// An agent that claims, reports and completes specs like the real one, without training anything.
///
/// The environment sets what it plays: `STAND_IN_STEP_MS` is the length of each of a run's four reports,
/// `STAND_IN_FAIL` a position in the job whose run fails, `STAND_IN_SILENT` makes it claim a spec and die.
@main
struct StandInWorker {
    private static let lease = Duration.seconds(30)

    static func main() throws {
        let environment = ProcessInfo.processInfo.environment
        let arguments = CommandLine.arguments
        guard arguments.count == 3, arguments[1] == "--job-id", let number = Int64(arguments[2]) else {
            throw Misuse.usage
        }
        let store = try Store(CacheFolder(environment: environment))
        let job = JobID(rawValue: number)
        let agent = try store.registerAgent(AgentIdentity(environment: environment), for: job)
        print("agent \(agent) of job \(job) in \(FileManager.default.currentDirectoryPath)")
        while let claim = try store.claimNext(of: job, by: agent, lease: lease) {
            if environment["STAND_IN_SILENT"] != nil { kill(getpid(), SIGKILL) }
            try play(claim, store, environment)
        }
        try store.agentEnded(agent, reason: "no work left")
    }

    private static func play(_ claim: Claim, _ store: Store, _ environment: [String: String]) throws {
        let pause = environment["STAND_IN_STEP_MS"].flatMap(UInt32.init) ?? 5
        let config = try JSONDecoder().decode(Config.self, from: Data(claim.spec.config.utf8))
        for quarter in 1...4 {
            usleep(pause * 1000)
            let progress = Progress(
                step: config.steps * quarter / 4, steps: config.steps,
                stepsPerSecond: Double(config.steps) * 250 / Double(max(1, pause)),
                losses: ["loss/total": 1 / Double(quarter)])
            try store.report(progress, of: claim, lease: lease)
        }
        if environment["STAND_IN_FAIL"].flatMap(Int.init) == claim.spec.position {
            try store.fail(claim, error: "the loss is not a number at step 100", retry: false)
            return
        }
        try FileManager.default.createDirectory(atPath: claim.folder, withIntermediateDirectories: true)
        try Data(claim.spec.config.utf8).write(to: URL(filePath: claim.folder + "/final_config.yaml"))
        try store.complete(claim, metrics: ["mmcs": 0.999, "ml2r": 1.002])
        print("run \(claim.run) done")
    }

    private struct Config: Decodable { let steps: Int }
    private enum Misuse: Error { case usage }
}
