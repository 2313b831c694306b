import HTTP

// Calls that somebody waits for, rather than a run's tracking in the background.
extension WandBAPI {
    /// The calls of a command; `patience` bounds each of them.
    convenience init(settings: WandBSettings, key: APIKey, patience: Deadline) throws(HTTPError) {
        var pacing = SendPacing()
        pacing.connectTimeout = min(patience.limit, .seconds(4))
        self.init(
            settings: settings, key: key, client: try settings.makeClient(), pacing: pacing, limit: patience.limit)
        isCancelled = { patience.isOver }
    }

    /// The entity that is meant if none is named.
    func entity(_ patience: Deadline) throws(CallFailure) -> String {
        if let entity = settings.entity { return entity }
        return try patience.call { defaultEntity() }
    }
}
