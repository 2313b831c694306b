/// Values by pairs of 32-bit numbers: merges by two tokens, a trie's edges by node and byte.
struct PairTable<Value: Sendable>: Sendable {
    private var keys: [UInt64]
    private var values: [Value?]
    private(set) var count = 0

    init(capacity: Int = 8) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: 0, count: size)
        values = [Value?](repeating: nil, count: size)
    }

    subscript(first: UInt32, second: UInt32) -> Value? {
        get {
            let key = UInt64(first) << 32 | UInt64(second)
            return values[slot(of: key)]
        }
        set {
            let key = UInt64(first) << 32 | UInt64(second)
            let slot = slot(of: key)
            if values[slot] == nil { count += 1 }
            keys[slot] = key
            values[slot] = newValue
            if count * 2 > keys.count { grow() }
        }
    }

    private func slot(of key: UInt64) -> Int {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: key.mixed) & mask
        while values[slot] != nil, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = [UInt64](repeating: 0, count: oldKeys.count * 2)
        values = [Value?](repeating: nil, count: oldKeys.count * 2)
        for (key, value) in zip(oldKeys, oldValues) where value != nil {
            let slot = slot(of: key)
            keys[slot] = key
            values[slot] = value
        }
    }
}
