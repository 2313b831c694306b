/// Numbers by byte strings.
///
/// Swift's own strings will not do: to them é is é however it is written, to a vocabulary it is not.
struct ByteStringTable: Sendable {
    /// The keys, one after another.
    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// One more than an entry's index, or 0.
    private var slots: [UInt32]

    private struct Entry {
        let start: Int
        let count: Int
        let hash: UInt64
        var value: UInt32
    }

    init(capacity: Int = 16) {
        slots = [UInt32](repeating: 0, count: Self.slotCount(for: capacity))
    }

    var count: Int { entries.count }

    subscript(key: UnsafeBufferPointer<UInt8>) -> UInt32? {
        let entry = slots[slot(of: key, hash: key.contentHash)]
        return entry == 0 ? nil : entries[Int(entry) - 1].value
    }

    subscript(key: some Collection<UInt8>) -> UInt32? {
        key.withContiguousStorageIfAvailable { self[$0] } ?? Array(key).withUnsafeBufferPointer { self[$0] }
    }

    subscript(key: String) -> UInt32? { self[key.utf8] }

    /// The key of the entry that was made at that place in the order of entries.
    func key(at index: Int) -> ArraySlice<UInt8> {
        bytes[entries[index].start..<entries[index].start + entries[index].count]
    }

    func value(at index: Int) -> UInt32 { entries[index].value }

    /// Sets a key's number; the last one counts.
    mutating func set(_ key: UnsafeBufferPointer<UInt8>, to value: UInt32) {
        let hash = key.contentHash
        let place = slot(of: key, hash: hash)
        if slots[place] != 0 {
            entries[Int(slots[place]) - 1].value = value
            return
        }
        entries.append(Entry(start: bytes.count, count: key.count, hash: hash, value: value))
        bytes.append(contentsOf: key)
        slots[place] = UInt32(entries.count)
        if entries.count * 2 > slots.count { grow() }
    }

    mutating func set(_ key: some Collection<UInt8>, to value: UInt32) {
        let done: Void? = key.withContiguousStorageIfAvailable { set($0, to: value) }
        if done == nil { Array(key).withUnsafeBufferPointer { set($0, to: value) } }
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        for index in slots.indices { slots[index] = 0 }
    }

    private static func slotCount(for capacity: Int) -> Int {
        var count = 16
        while count < capacity * 2 { count *= 2 }
        return count
    }

    /// Where the key stands, or the free slot where it would.
    private func slot(of key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.hash == hash, entry.count == key.count, equal(key, at: entry.start) { return slot }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private func equal(_ key: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            for index in key.indices where key[index] != bytes[start + index] { return false }
            return true
        }
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        for (index, entry) in entries.enumerated() {
            var slot = Int(truncatingIfNeeded: entry.hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(index + 1)
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// A hash of the bytes, eight at a time.
    fileprivate var contentHash: UInt64 {
        var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        var index = 0
        while index + 8 <= count {
            let word = UnsafeRawPointer(baseAddress.unsafelyUnwrapped).loadUnaligned(
                fromByteOffset: index, as: UInt64.self)
            hash = (hash ^ word).mixed
            index += 8
        }
        var rest: UInt64 = 0
        while index < count {
            rest = rest << 8 | UInt64(self[index])
            index += 1
        }
        return (hash ^ rest).mixed
    }
}

extension UInt64 {
    /// The number with its bits spread over all of it (the finaliser of splitmix64).
    var mixed: UInt64 {
        var bits = self
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
