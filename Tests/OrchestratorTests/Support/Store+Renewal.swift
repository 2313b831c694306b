import Store

extension Store {
    /// Renews one claim's lease, as an agent does for all of its claims at once, and notes its progress.
    func renew(_ claim: Claim, _ progress: Progress? = nil, lease: Duration) throws(StoreError) {
        let lost = try renew([(claim, progress)], by: claim.agent, lease: lease)
        if let lost = lost.first { throw .lostLease(lost) }
    }
}
