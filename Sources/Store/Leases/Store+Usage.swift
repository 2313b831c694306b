import GRDB

extension Store {
    /// Records what an attempt has used since the last report, and what its agent has used in all.
    public func charge(_ claim: Claim, _ share: UsageShare, total: Usage) throws(StoreError) {
        try write(.untilPowerCut) { db in
            try Self.charge(claim, share, in: db)
            try Self.note(total, of: claim.agent, in: db)
        }
    }

    static func charge(_ claim: Claim, _ share: UsageShare, in db: Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE attempt SET cores = ?, cpu_seconds = COALESCE(cpu_seconds, 0) + ?,
                  peak_memory = MAX(COALESCE(peak_memory, 0), ?) WHERE run = ? AND number = ?
                """
        ).execute(arguments: [share.cores, share.cpuSeconds, share.peakMemory, claim.run.rawValue, claim.attempt])
    }

    static func note(_ usage: Usage, of agent: AgentID, in db: Database) throws {
        try db.cachedStatement(sql: "UPDATE agent SET cores = ?, cpu_seconds = ?, peak_memory = ? WHERE id = ?")
            .execute(arguments: [usage.cores, usage.cpuSeconds, usage.peakMemory, agent.rawValue])
    }
}
