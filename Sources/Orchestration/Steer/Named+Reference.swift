package import Store

extension Named {
    /// What a user has named: a job by its number, a run by its name or its beginning.
    ///
    /// - Throws: ``Failure`` for an agent; `StoreError` for what is not there.
    package init(_ reference: Reference, as text: String, in store: Store) throws {
        switch reference {
        case .job(let id): self = .job(try store.job(id).id)
        case .run(let prefix): self = .run(try store.run(startingWith: prefix))
        case .agent: throw Failure.badInput("'\(text)' is an agent; expected a job or a run")
        }
    }
}
