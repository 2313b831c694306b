import Synchronization

/// Answers that stay valid for some seconds, so many windows cost no more than one.
final class Recent<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let life: Duration
    private let kept = Mutex<[Key: (value: Value, until: ContinuousClock.Instant)]>([:])

    init(seconds: Double) { life = .seconds(seconds) }

    func value(of key: Key, _ make: () async throws -> Value) async throws -> Value {
        let now = ContinuousClock.now
        if let found = kept.withLock({ $0[key] }), found.until > now { return found.value }
        let value = try await make()
        kept.withLock { kept in
            kept = kept.filter { $0.value.until > now }
            kept[key] = (value, ContinuousClock.now + life)
        }
        return value
    }
}
