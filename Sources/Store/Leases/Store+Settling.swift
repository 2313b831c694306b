import GRDB

/// How an attempt ends.
public enum Settlement: Sendable, Equatable {
    /// The run is done, with its final metrics; `isUnsent` if it keeps rows that W&B may not have yet.
    case done(metrics: [String: Double], isUnsent: Bool)
    /// Its search has stopped the run early, for a reason as users should read it, after this many steps and with these
    /// metrics in its last row.
    case stopped(String, step: Int, metrics: [String: Double] = [:], isUnsent: Bool)
    /// The attempt failed, as users should read it. With `retry` the cause may pass: then the run waits for another
    /// attempt, as often as the job allows.
    case failed(String, retry: Bool)
    /// The run is given back, so any agent can claim it; its progress is kept.
    case released(String)
    /// The run is given back for an obstacle that is none of its own, such as a full disk, and that may pass; users read
    /// of it for as long as the run waits.
    case hindered(String)

    /// The metrics that the run ends with, if it does.
    fileprivate var metrics: [String: Double]? {
        switch self {
        case .done(let metrics, _), .stopped(_, _, let metrics, _): metrics
        case .failed, .released, .hindered: nil
        }
    }
}

extension Store {
    /// Ends an attempt and claims the next waiting spec of its job for the same agent, all in one transaction.
    ///
    /// The settlement is valid whether or not there is anything to claim.
    ///
    /// - Parameters:
    ///   - claim: The attempt.
    ///   - settlement: How it ends.
    ///   - reached: What its search compares the run by, if one does.
    ///   - usage: What the attempt has taken of the machine since the last renewal, and its agent in all.
    ///   - lease: How long the next claim stands without a renewal; `nil` if the agent wants none.
    ///   - choose: Chooses the config of a spec whose search has left it open, given all that there is to know.
    /// - Returns: Where the run stands now, and the next claim; `claimNext` says what it may be. A
    ///   power cut changes neither.
    /// - Throws: ``StoreError/lostLease(_:)`` and whatever keeps the file from being changed; then nothing is claimed.
    @discardableResult
    public func settle(
        _ claim: Claim, as settlement: Settlement, reached: Reached? = nil,
        usage: (share: UsageShare, total: Usage)? = nil,
        claimingFor lease: Duration? = nil, choose: (OpenSpec) throws -> ChosenSpec = NoSearch.choose
    ) throws(StoreError) -> (status: RunStatus, next: Claim?) {
        let now = now()
        // Other agents wait while the state file is locked: what can be made before is.
        let metrics = try text(of: settlement.metrics)
        return try write { db in
            try Self.note(reached, of: claim, at: now, in: db)
            let status = try Self.settle(claim, as: settlement, metrics, at: now, in: db)
            if let usage {
                try Self.charge(claim, usage.share, in: db)
                try Self.note(usage.total, of: claim.agent, in: db)
            }
            guard let lease else { return (status, nil) }
            return (status, try next(after: claim, lease: lease, at: now, choose: choose, in: db))
        }
    }

    /// Settles the run as done, with its final metrics.
    public func complete(
        _ claim: Claim, metrics: [String: Double], reached: Reached? = nil, isUnsent: Bool = false
    ) throws(StoreError) {
        try settle(claim, as: .done(metrics: metrics, isUnsent: isUnsent), reached: reached)
    }

    /// Ends the attempt with an error; returns the run's state afterwards.
    @discardableResult
    public func fail(_ claim: Claim, error: String, retry: Bool) throws(StoreError) -> RunStatus {
        try settle(claim, as: .failed(error, retry: retry)).status
    }

    /// Gives the run back.
    public func release(_ claim: Claim, reason: String) throws(StoreError) {
        try settle(claim, as: .released(reason))
    }

    /// Claims what comes after a run; whatever keeps it from that does not undo how the run ended.
    private func next(
        after claim: Claim, lease: Duration, at now: Timestamp, choose: (OpenSpec) throws -> ChosenSpec,
        in db: Database
    ) throws -> Claim? {
        var next: Claim?
        do {
            try db.inSavepoint {
                next = try claimNext(of: claim.spec.job, by: claim.agent, lease: lease, at: now, choose: choose, in: db)
                return .commit
            }
        } catch {
            // A full disk may have rolled all of it back. The next claim runs into any other cause itself.
            guard db.isInsideTransaction else { throw error }
            return nil
        }
        return next
    }

    private static func settle(
        _ claim: Claim, as settlement: Settlement, _ metrics: String?, at now: Timestamp, in db: Database
    ) throws -> RunStatus {
        switch settlement {
        case .done(_, let isUnsent):
            try change(
                claim, in: db,
                "status = 'done', step = steps, error = NULL, metrics = ?, ended = ?, unsent = ?",
                [metrics, now.rawValue, isUnsent])
            try end(claim, .done, reason: nil, at: now, in: db)
            return .done
        case .stopped(let reason, let step, let reached, let isUnsent):
            try change(
                claim, in: db, "status = 'stopped', step = ?, error = ?, metrics = ?, ended = ?, unsent = ?",
                [step, reason, reached.isEmpty ? nil : metrics, now.rawValue, isUnsent])
            try end(claim, .stopped, reason: reason, at: now, in: db)
            return .stopped
        case .failed(let error, let retry):
            let again = try retry && mayRetry(claim, in: db)
            let status: RunStatus = again ? .pending : .failed
            try change(
                claim, in: db, "status = ?, error = ?, ended = ?",
                [status.rawValue, error, again ? nil : now.rawValue])
            try end(claim, .failed, reason: error, at: now, in: db)
            if !again { try haltIfHopeless(claim.spec.job, in: db) }
            return status
        case .released(let reason):
            try change(claim, in: db, "status = 'pending'", [])
            try end(claim, .released, reason: reason, at: now, in: db)
            return .pending
        case .hindered(let reason):
            try change(claim, in: db, "status = 'pending', error = ?", [reason])
            try end(claim, .released, reason: reason, at: now, in: db)
            return .pending
        }
    }

    private static func end(
        _ claim: Claim, _ outcome: AttemptOutcome, reason: String?, at now: Timestamp, in db: Database
    ) throws {
        try db.cachedStatement(
            sql: "UPDATE attempt SET outcome = ?, reason = ?, ended = ? WHERE run = ? AND number = ?"
        ).execute(arguments: [outcome.rawValue, reason, now.rawValue, claim.run.rawValue, claim.attempt])
        try hear(claim.agent, at: now, in: db)
    }

    private static func mayRetry(_ claim: Claim, in db: Database) throws -> Bool {
        try Bool.fetchOne(
            db,
            sql: """
                SELECT (SELECT COUNT(*) FROM attempt WHERE run = :run AND outcome = 'failed' AND number > forgiven)
                  < (SELECT max_retries FROM job WHERE job.id = run.job) FROM run WHERE id = :run
                """, arguments: ["run": claim.run.rawValue]) ?? false
    }
}
