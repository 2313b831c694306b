import Foundation
import JSON
import Store
import WandB

/// An agent that claims, reports and completes specs like the real one, without training anything.
///
/// The environment sets what it plays: `STAND_IN_REPORTS` is how often a run reports, 4 times unless given,
/// `STAND_IN_STEP_MS` the time before each report, `STAND_IN_FAIL` a position in the job whose run fails,
/// `STAND_IN_DIE` one whose first attempt is killed half-way, `STAND_IN_LEASE_MS` the length of leases,
/// `STAND_IN_ROWS` how many rows for W&B a report comes with.
@main
struct StandInWorker {
    let store: Store
    let job: JobID
    let agent: AgentID
    let environment: [String: String]

    static func main() throws {
        let environment = ProcessInfo.processInfo.environment
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, arguments[1] == "--job-id", let number = Int64(arguments[2]) else {
            // Asked about itself, as the real one may be: an error that is thrown here would be a crash, told at length.
            FileHandle.standardError.write(Data("StandInWorker --job-id NUMBER\n".utf8))
            exit(64)
        }
        let store = try Store(CacheFolder(environment: environment))
        let job = JobID(rawValue: number)
        let agent = try store.registerAgent(AgentIdentity(environment: environment), for: job)
        print("agent \(agent) of job \(job) in \(FileManager.default.currentDirectoryPath)")
        try StandInWorker(store: store, job: job, agent: agent, environment: environment).work()
        try store.agentEnded(agent, reason: "no spec is left")
    }

    private func work() throws {
        var watch = LeaseWatch()
        func takeOver() throws -> Claim? {
            for hold in watch.silent(among: try store.holds(of: job), at: .now) {
                if let claim = try store.takeOver(hold, by: agent, lease: lease) { return claim }
            }
            return nil
        }
        while true {
            if var claim = try store.claimNext(of: job, by: agent, lease: lease) ?? takeOver() {
                do {
                    while let next = try play(claim) { claim = next }
                } catch StoreError.lostLease(let lost) { print("lost \(lost.run)") }
            } else if try store.openWork(of: job).isNone {
                return
            } else {
                usleep(50_000)
            }
        }
    }

    /// Plays a run; returns what is claimed after it.
    private func play(_ claim: Claim) throws -> Claim? {
        let pause = number("STAND_IN_STEP_MS") ?? 5
        let config = try JSONDecoder().decode(Config.self, from: Data(claim.spec.config.utf8))
        let reports = number("STAND_IN_REPORTS") ?? 4
        let rows = number("STAND_IN_ROWS") ?? 0
        let tracker = rows > 0 ? try tracker(claim) : nil
        for report in 0..<reports {
            if rows == 0 { usleep(UInt32(pause) * 1000) }
            for row in 0..<rows {
                usleep(UInt32(pause * 1000 / rows))
                tracker?.log(step: report * rows + row, values: [("loss", .number(1 / Double(row + 1)))])
                if tracker?.stopRequested == true {
                    try store.fail(claim, error: "stopped on its W&B page", retry: false)
                    _ = tracker?.finish(exitCode: 255)
                    return nil
                }
            }
            let progress = Progress(
                step: config.steps * (report + 1) / reports, steps: config.steps,
                stepsPerSecond: Double(config.steps) * 1000 / Double(reports * max(1, pause)),
                losses: ["loss/total": 1 / Double(report + 1)])
            if let lost = try store.renew([(claim, progress)], by: claim.agent, lease: lease).first {
                throw StoreError.lostLease(lost)
            }
            if report + 1 == (reports + 1) / 2, claim.attempt == 1, number("STAND_IN_DIE") == claim.spec.position {
                kill(getpid(), SIGKILL)
            }
        }
        if number("STAND_IN_FAIL") == claim.spec.position {
            return try store.settle(
                claim, as: .failed("the loss is not a number at step 100", retry: false), claimingFor: lease
            ).next
        }
        try FileManager.default.createDirectory(atPath: claim.folder.path, withIntermediateDirectories: true)
        try Data(claim.spec.config.utf8).write(to: URL(filePath: claim.folder.config))
        let next = try store.settle(
            claim, as: .done(metrics: ["mmcs": 0.999, "ml2r": 1.002], isUnsent: tracker != nil), claimingFor: lease
        ).next
        _ = tracker?.finish(exitCode: 0)
        print("run \(claim.run) done")
        return next
    }

    private func tracker(_ claim: Claim) throws -> RunTracker {
        var settings = WandBSettings()
        settings.mode = .offline
        let run = try RunDescription(
            id: claim.run.rawValue, project: "spd", displayName: "run \(claim.spec.position)",
            config: claim.spec.config, host: AgentIdentity.thisHost)
        return RunTracker(run: run, folder: claim.folder.spool, settings: settings)
    }

    private var lease: Duration { .milliseconds(number("STAND_IN_LEASE_MS") ?? 30_000) }

    private func number(_ variable: String) -> Int? { environment[variable].flatMap(Int.init) }

    private struct Config: Decodable { let steps: Int }
}
