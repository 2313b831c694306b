import Foundation
import Jobs
import Store

/// A job as `--json` prints it: keys are only ever added, times are unix seconds, durations seconds.
struct JobReport: Encodable {
    let id: Int64
    let token: String
    let suffix: String?
    let project: String?
    let created: Double
    let executor: String
    let submission: String
    let slurmJobId: Int64?
    let folder: String
    let agentsRequested: Int
    let links: [LinkReport]
    let counts: Counts
    /// How many runs are over and not on W&B yet.
    let unsent: Int?
    let etaSeconds: Double?
    /// When its last agent wrote the summary.
    let finished: Double?
    /// What SLURM says of agents that wait.
    let notes: [String]?
    /// Why nobody works on it any more, though runs are left.
    let stalled: String?
    /// Agents that did not end well, as SLURM told it, as far as that still matters.
    let slurmEnded: [EndingReport]?
    let agents: [AgentReport]?
    let runs: [RunReport]?

    struct Counts: Encodable {
        let pending, running, done, failed, cancelled, total: Int

        init(_ counts: RunCounts) {
            pending = counts[.pending]
            running = counts[.running]
            done = counts[.done]
            failed = counts[.failed]
            cancelled = counts[.cancelled]
            total = counts.total
        }
    }

    struct LinkReport: Encodable {
        let kind: String
        let title: String
        let url: String

        init(_ link: JobLink) {
            kind = link.kind.rawValue
            title = link.title
            url = link.url
        }
    }

    struct AgentReport: Encodable {
        let id: Int64
        let number: Int
        let state: String
        let host: String?
        let pid: Int32?
        let slurmJobId: Int64?
        let slurmArrayJobId: Int64?
        let slurmArrayTaskId: Int64?
        let run: String?
        let runsHeld: Int
        let started: Double
        let heartbeat: Double?
        let ended: Double?
        let reason: String?
        /// When SLURM will end it.
        let allocationEnd: Double?
        /// Whether it said no goodbye, and whether SLURM was asked to start it again.
        let lost, replaced: Bool
        /// `starting`, `working`, `suspended`, `silent`, `gone` or `ended`, and what is known where there is a doubt.
        let verdict: String?
        let verdictReason: String?
    }

    struct EndingReport: Encodable {
        let name: String
        let slurmJobId: Int64
        let state: String
        let reason: String
        let meaning: String?
        let nodes: String
        /// The agent's log, whether or not it left one.
        let log: String
    }

    struct RunReport: Encodable {
        let run: String
        let position: Int
        let experiment: String
        let overrides: [String: String]
        let status: String
        let attempt: Int
        let agent: Int64?
        let step: Int
        let steps: Int
        let stepsPerSecond: Double?
        let etaSeconds: Double?
        let losses: [String: Double]
        let metrics: [String: Double]
        let error: String?
        let folder: String
        let started: Double?
        let ended: Double?
    }

    /// A job in a list of jobs.
    init(_ summary: JobSummary, stalled: String? = nil) {
        self.init(summary.job, counts: summary.counts, eta: nil, agents: nil, runs: nil, stalled: stalled)
    }

    /// A job with its agents and runs.
    init(_ snapshot: JobSnapshot, _ outlook: AgentsWatch.Outlook? = nil) throws(Failure) {
        var runs: [RunReport] = []
        let stalled = outlook?.agentsAtRest(of: snapshot) ?? []
        for run in snapshot.runs { runs.append(try RunReport(run, isStalled: stalled.contains(run.agent))) }
        self.init(
            snapshot.job, counts: snapshot.counts, unsent: snapshot.unsent,
            eta: outlook?.isAtWork ?? true ? Forecast(snapshot).remaining : nil,
            agents: snapshot.agents.enumerated().map { AgentReport($1, outlook?.verdicts[$0]) }, runs: runs,
            notes: outlook?.notes, stalled: outlook?.reasonOfEnd,
            endings: snapshot.job.executor == .local
                ? nil
                : outlook?.endings.map { ending in
                    EndingReport(
                        name: ending.name, slurmJobId: ending.number, state: ending.state, reason: ending.reason,
                        meaning: ending.meaning(hasSpoken: snapshot.spoken.contains(ending.number)),
                        nodes: ending.nodes, log: snapshot.job.folder.log(ofSlurms: ending.name))
                })
    }

    private init(
        _ job: Job, counts: RunCounts, unsent: Int? = nil, eta: Duration?, agents: [AgentReport]?, runs: [RunReport]?,
        notes: [String]? = nil, stalled: String? = nil, endings: [EndingReport]? = nil
    ) {
        id = job.id.rawValue
        token = job.token
        suffix = job.suffix
        project = job.project
        created = job.created.rawValue
        executor = job.executor.rawValue
        submission = job.submission.rawValue
        slurmJobId = job.slurmJobID
        folder = job.folder.path
        agentsRequested = job.agentCount
        links = job.links.map(LinkReport.init)
        self.counts = Counts(counts)
        self.unsent = unsent
        etaSeconds = eta.map { $0 / .seconds(1) }
        finished = job.finished?.rawValue
        self.notes = notes
        self.stalled = stalled
        slurmEnded = endings
        self.agents = agents
        self.runs = runs
    }
}

extension JobReport.AgentReport {
    init(_ agent: Agent, _ verdict: AgentVerdict?) {
        self.init(
            id: agent.id.rawValue, number: agent.number, state: agent.state.rawValue, host: agent.host,
            pid: agent.pid, slurmJobId: agent.slurm.job, slurmArrayJobId: agent.slurm.arrayJob,
            slurmArrayTaskId: agent.slurm.arrayTask, run: agent.run?.rawValue, runsHeld: agent.runCount,
            started: agent.started.rawValue, heartbeat: agent.heartbeat?.rawValue,
            ended: agent.ended?.rawValue, reason: agent.reason,
            allocationEnd: agent.allocationEnd?.rawValue, lost: agent.isLost, replaced: agent.isReplaced,
            verdict: verdict?.word, verdictReason: verdict?.reason)
    }
}

extension JobReport.RunReport {
    init(_ run: Run, isStalled: Bool = false) throws(Failure) {
        self.init(
            run: run.id.rawValue, position: run.position, experiment: run.experiment,
            overrides: try Overrides(json: run.overrides).values, status: run.status.rawValue,
            attempt: run.attempt, agent: run.agent?.rawValue, step: run.progress.step,
            steps: run.progress.steps, stepsPerSecond: run.progress.stepsPerSecond,
            etaSeconds: isStalled ? nil : run.remaining.map { $0 / .seconds(1) }, losses: run.progress.losses,
            metrics: run.metrics, error: run.error, folder: run.folder.path, started: run.started?.rawValue,
            ended: run.ended?.rawValue)
    }
}

/// How values become JSON text: snake-case keys, sorted; `"nan"` and `"inf"` where JSON has no word.
enum JSONText {
    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}
