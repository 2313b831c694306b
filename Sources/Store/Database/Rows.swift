import Foundation
import GRDB

// How rows become values. The columns are those of `Schema`; a word the program doesn't know means that a
// newer version wrote it, or that the file is damaged.

extension Row {
    func word<T: RawRepresentable>(_ column: String) throws -> T where T.RawValue == String {
        let text: String = self[column]
        guard let value = T(rawValue: text) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "\(column) is '\(text)'")
        }
        return value
    }

    func time(_ column: String) -> Timestamp? {
        (self[column] as Double?).map(Timestamp.init)
    }

    func requiredTime(_ column: String) -> Timestamp {
        Timestamp(rawValue: self[column])
    }
}

extension Job {
    init(row: Row, in cache: CacheFolder) throws {
        id = JobID(rawValue: row["id"])
        folder = cache.folder(of: id)
        token = row["token"]
        suffix = row["suffix"]
        project = row["project"]
        created = row.requiredTime("created")
        submittedFrom = row["submitted_from"]
        executor = try row.word("executor")
        agentCount = row["agent_count"]
        maxRetries = row["max_retries"]
        createReport = row["create_report"]
        options = try JSONDecoder().decode(JobOptions.self, from: Data((row["options"] as String).utf8))
        submission = try row.word("submission")
        slurmJobID = row["slurm_job_id"]
        cancelled = row.time("cancelled")
        finished = row.time("finished")
        title = row["title"]
        note = row["note"]
        tags = try Tags.parse(row["tags"])
        held = row.time("held")
        halted = row["halted"]
        after = (row["after"] as Int64?).map(JobID.init)
        maxRunning = row["max_running"]
        agentsLimit = row["agents_limit"]
        failFast = row["fail_fast"]
        hasPresentWorker = row["steps_known"] as Int? == Schema.steps
        links =
            try (row["links"] as String?).map { try JSONDecoder().decode([JobLink].self, from: Data($0.utf8)) } ?? []
    }
}

extension Spec {
    init(row: Row, in cache: CacheFolder) throws {
        run = try row.word("run")
        job = JobID(rawValue: row["job"])
        position = row["position"]
        experiment = row["experiment"]
        config = row["config"]
        overrides = row["overrides"]
        target = row["target"]
        targetFiles = (row["target_files"] as String?).map(cache.absolute)
        search = row["definition"]
    }
}

extension Run {
    init(row: Row, in cache: CacheFolder) throws {
        id = try row.word("id")
        folder = cache.folder(of: id)
        job = JobID(rawValue: row["job"])
        position = row["position"]
        experiment = row["experiment"]
        overrides = row["overrides"]
        status = try row.word("status")
        attempt = row["attempt"]
        agent = (row["agent"] as Int64?).map(AgentID.init)
        progress = Progress(
            step: row["step"], steps: row["steps"], stepsPerSecond: row["steps_per_second"],
            losses: try Numbers.parse(row["losses"]))
        error = row["error"]
        metrics = try Numbers.parse(row["metrics"])
        started = row.time("started")
        ended = row.time("ended")
        isHeld = row["held"]
        priority = row["priority"]
        note = row["note"]
        tags = try Tags.parse(row["tags"])
    }
}

extension Attempt {
    init(row: Row) throws {
        run = try row.word("run")
        number = row["number"]
        agent = AgentID(rawValue: row["agent"])
        started = row.requiredTime("started")
        leaseUntil = row.requiredTime("lease_until")
        ended = row.time("ended")
        outcome = try (row["outcome"] as String?).map { _ in try row.word("outcome") }
        reason = row["reason"]
        cores = row["cores"]
        cpuSeconds = row["cpu_seconds"]
        peakMemory = row["peak_memory"]
    }
}

extension Agent {
    init(row: Row) throws {
        id = AgentID(rawValue: row["id"])
        job = JobID(rawValue: row["job"])
        // Workers of earlier versions left it out where SLURM gave them none.
        number = row["number"] ?? row["id"]
        state = try row.word("state")
        host = row["host"]
        pid = row["pid"]
        slurm = SlurmPlace(
            job: row["slurm_job_id"], arrayJob: row["slurm_array_job_id"],
            arrayTask: row["slurm_array_task_id"])
        run = (row["run"] as String?).flatMap(RunID.init)
        runCount = row["runs"] ?? 0
        started = row.requiredTime("started")
        heartbeat = row.time("heartbeat")
        allocationEnd = row.time("allocation_end")
        memoryKills = row["memory_kills"]
        ended = row.time("ended")
        reason = row["reason"]
        isLost = row["lost"]
        isLeaving = row["leaving"]
        usage = (row["cores"] as Int?).map {
            Usage(cores: $0, cpuSeconds: row["cpu_seconds"] ?? 0, peakMemory: row["peak_memory"] ?? 0)
        }
        isReplaced = row["replaced"] as Double? != nil
    }
}
