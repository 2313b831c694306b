import Foundation
package import Jobs
package import Store

/// A job as `--json` prints it: keys are only ever added, times are unix seconds, durations seconds.
package struct JobReport: Encodable {
    package let id: Int64
    package let token: String
    package let suffix: String?
    package let project: String?
    package let created: Double
    package let executor: String
    package let submission: String
    package let slurmJobId: Int64?
    package let folder: String
    package let agentsRequested: Int
    package let links: [LinkReport]
    package let counts: Counts
    /// How many runs are over and not on W&B yet.
    package let unsent: Int?
    package let etaSeconds: Double?
    /// When its last agent wrote the summary.
    package let finished: Double?
    /// The user's name, note and tags for it.
    package let title, note: String?
    package let tags: [String]
    /// When the user has held it; why it was halted for its failures.
    package let held: Double?
    package let halted: String?
    /// The job that it waits for; how many of its runs may be working at once.
    package let after: Int64?
    package let maxRunning: Int?
    /// What SLURM says about waiting agents.
    package let notes: [String]?
    /// Why nobody works on it any more, though runs are left.
    package let stalled: String?
    /// Agents that ended badly according to SLURM, as far as that still matters.
    package let slurmEnded: [EndingReport]?
    package let agents: [AgentReport]?
    package let runs: [RunReport]?
    /// With `--columns`: what they hold, of each of `runs`.
    package let columns: [[String: CellValue]]?
    /// With `--group-by`: the groups, in place of `runs`.
    package let groups: [RunGroups.Report]?

    package struct Counts: Encodable {
        package let pending, running, done, failed, cancelled, stopped, total: Int

        package init(_ counts: RunCounts) {
            pending = counts[.pending]
            running = counts[.running]
            done = counts[.done]
            failed = counts[.failed]
            cancelled = counts[.cancelled]
            stopped = counts[.stopped]
            total = counts.total
        }
    }

    package struct LinkReport: Encodable {
        package let kind: String
        package let title: String
        package let url: String

        package init(_ link: JobLink) {
            kind = link.kind.rawValue
            title = link.title
            url = link.url
        }
    }

    package struct AgentReport: Encodable {
        package let id: Int64
        package let number: Int
        package let state: String
        package let host: String?
        package let pid: Int32?
        package let slurmJobId: Int64?
        package let slurmArrayJobId: Int64?
        package let slurmArrayTaskId: Int64?
        package let run: String?
        package let runsHeld: Int
        package let started: Double
        package let heartbeat: Double?
        package let ended: Double?
        package let reason: String?
        /// When SLURM will end it.
        package let allocationEnd: Double?
        /// Whether it ends after its current runs.
        package let leaving: Bool
        /// Whether it said no goodbye, and whether SLURM was asked to start it again.
        package let lost, replaced: Bool
        /// `starting`, `working`, `suspended`, `silent`, `gone` or `ended`, and what is known if there is a doubt.
        package let verdict: String?
        package let verdictReason: String?
    }

    package struct EndingReport: Encodable {
        package let name: String
        package let slurmJobId: Int64
        package let state: String
        package let reason: String
        package let meaning: String?
        package let nodes: String
        /// The agent's log, whether or not it left one.
        package let log: String
    }

    package struct RunReport: Encodable {
        package let run: String
        package let position: Int
        package let experiment: String
        package let overrides: [String: String]
        package let status: String
        package let attempt: Int
        package let agent: Int64?
        package let step: Int
        package let steps: Int
        package let stepsPerSecond: Double?
        package let etaSeconds: Double?
        package let losses: [String: Double]
        package let metrics: [String: Double]
        package let error: String?
        package let folder: String
        package let started: Double?
        package let ended: Double?
        package let held: Bool
        package let priority: Int
        package let note: String?
        package let tags: [String]
    }

    /// A job in a list of jobs.
    package init(_ summary: JobSummary, remark: AgentsWatch.Remark? = nil) {
        self.init(
            summary.job, counts: summary.counts, eta: nil, agents: nil, runs: nil, notes: remark?.waiting,
            stalled: remark?.stalled)
    }

    /// A job with its agents and runs.
    ///
    /// - Parameters:
    ///   - snapshot: The job.
    ///   - outlook: What is thought of its agents.
    ///   - selection: The runs that are wanted, if not all are.
    /// - Throws: ``Failure`` for settings that can't be read, and for groups of what has no numbers.
    package init(
        _ snapshot: JobSnapshot, _ outlook: AgentsWatch.Outlook? = nil, _ selection: RunSelection? = nil
    ) throws(Failure) {
        var runs: [RunReport] = []
        let stalled = outlook?.agentsAtRest(of: snapshot) ?? []
        let groups = try selection?.groups(
            measuring: MetricSelection([]).checked(of: snapshot.runs))
        for run in groups == nil ? selection?.runs ?? snapshot.runs : [] {
            runs.append(try RunReport(run, isStalled: stalled.contains(run.agent)))
        }
        self.init(
            snapshot.job, counts: snapshot.counts, unsent: snapshot.unsent,
            eta: outlook?.isAtWork ?? true ? Forecast(snapshot).remaining : nil,
            agents: snapshot.agents.enumerated().map { AgentReport($1, outlook?.verdicts[$0]) },
            runs: groups == nil ? runs : nil,
            columns: groups != nil || selection?.columnNames == nil
                ? nil : selection.map { selection in selection.runs.indices.map(selection.columnValues) },
            groups: groups?.reports(),
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
        columns: [[String: CellValue]]? = nil, groups: [RunGroups.Report]? = nil, notes: [String]? = nil,
        stalled: String? = nil, endings: [EndingReport]? = nil
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
        (title, note, tags) = (job.title, job.note, job.tags)
        (held, halted) = (job.held?.rawValue, job.halted)
        (after, maxRunning) = (job.after?.rawValue, job.maxRunning)
        self.notes = notes
        self.stalled = stalled
        slurmEnded = endings
        self.agents = agents
        self.runs = runs
        self.columns = columns
        self.groups = groups
    }
}

extension JobReport.AgentReport {
    package init(_ agent: Agent, _ verdict: AgentVerdict?) {
        self.init(
            id: agent.id.rawValue, number: agent.number, state: agent.state.rawValue, host: agent.host,
            pid: agent.pid, slurmJobId: agent.slurm.job, slurmArrayJobId: agent.slurm.arrayJob,
            slurmArrayTaskId: agent.slurm.arrayTask, run: agent.run?.rawValue, runsHeld: agent.runCount,
            started: agent.started.rawValue, heartbeat: agent.heartbeat?.rawValue,
            ended: agent.ended?.rawValue, reason: agent.reason,
            allocationEnd: agent.allocationEnd?.rawValue, leaving: agent.isLeaving, lost: agent.isLost,
            replaced: agent.isReplaced,
            verdict: verdict?.word, verdictReason: verdict?.reason)
    }
}

extension JobReport.RunReport {
    package init(_ run: Run, isStalled: Bool = false) throws(Failure) {
        self.init(
            run: run.id.rawValue, position: run.position, experiment: run.experiment,
            overrides: try Overrides(json: run.overrides).values, status: run.status.rawValue,
            attempt: run.attempt, agent: run.agent?.rawValue, step: run.progress.step,
            steps: run.progress.steps, stepsPerSecond: run.progress.stepsPerSecond,
            etaSeconds: isStalled ? nil : run.remaining.map { $0 / .seconds(1) },
            losses: run.progress.losses.dictionary,
            metrics: run.metrics.dictionary, error: run.error, folder: run.folder.path, started: run.started?.rawValue,
            ended: run.ended?.rawValue, held: run.isHeld, priority: run.priority, note: run.note, tags: run.tags)
    }
}
