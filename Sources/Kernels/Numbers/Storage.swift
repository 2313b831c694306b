/// Where a block of floats starts.
typealias Floats = UnsafeMutablePointer<Float>

/// A block of floats that others point into: zeroed, aligned to cache lines, freed with its owner.
final class Storage {
    let pointer: Floats
    let count: Int

    init(count: Int) {
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        pointer = raw.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
        self.count = count
    }

    convenience init(_ values: [Float]) {
        self.init(count: values.count)
        pointer.update(from: values, count: values.count)
    }

    deinit {
        UnsafeMutableRawPointer(pointer).deallocate()
    }

    /// Blocks of given sizes, each aligned to a cache line, one after another.
    static func blocks(_ counts: [Int]) -> (storage: Storage, blocks: [Floats]) {
        let rounded = counts.map { ($0 + 15) & ~15 }
        let storage = Storage(count: rounded.reduce(0, +))
        var next = storage.pointer
        let blocks = rounded.map { count in
            defer { next += count }
            return next
        }
        return (storage, blocks)
    }

    /// Sets every element to zero.
    func clear() {
        pointer.update(repeating: 0, count: count)
    }

    /// A copy of `count` elements from `offset`.
    func values(_ offset: Int, _ count: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: pointer + offset, count: count))
    }
}
