/// Spools a measurement of the machine whenever its interval has passed.
final class PeriodicProbe {
    private let spool: SharedSpool
    private let interval: Duration
    private let sampler = SystemSampler()
    /// When the next measurement is due.
    private(set) var due = ContinuousClock.now

    init(spool: SharedSpool, interval: Duration) {
        self.spool = spool
        self.interval = interval
    }

    func measureIfDue() {
        let now = ContinuousClock.now
        guard now >= due else { return }
        due = now + interval
        spool.write { writer throws(SpoolError) in try writer.event(sampler.sample()) }
    }
}
