/// Merges that may be done in a word: the lowest rank first, of equal ones the leftmost.
struct MergeQueue {
    /// Rank and place, as one number each; a heap with the smallest on top.
    private var heap: [UInt64] = []

    mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

    mutating func push(rank: UInt32, place: Int) {
        heap.append(UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: place)))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> (rank: UInt32, place: Int)? {
        guard let top = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var child = 2 * parent + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
                guard heap[child] < heap[parent] else { break }
                heap.swapAt(child, parent)
                parent = child
            }
        }
        return (UInt32(truncatingIfNeeded: top >> 32), Int(top & 0xFFFF_FFFF))
    }
}
