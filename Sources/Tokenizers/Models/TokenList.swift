/// Tokens of a word, with the bytes of the word that each stands for.
struct TokenList {
    private(set) var ids: [UInt32] = []
    private(set) var starts: [Int32] = []
    private(set) var ends: [Int32] = []

    var count: Int { ids.count }

    mutating func append(_ id: UInt32, _ start: Int, _ end: Int) {
        ids.append(id)
        starts.append(Int32(truncatingIfNeeded: start))
        ends.append(Int32(truncatingIfNeeded: end))
    }

    mutating func append(_ other: TokenList, from start: Int, to end: Int) {
        ids.append(contentsOf: other.ids[start..<end])
        starts.append(contentsOf: other.starts[start..<end])
        ends.append(contentsOf: other.ends[start..<end])
    }

    /// Moves the tokens from one on to where their part of a word stands in it.
    mutating func shift(from first: Int, by distance: Int) {
        for index in first..<ids.count {
            starts[index] += Int32(truncatingIfNeeded: distance)
            ends[index] += Int32(truncatingIfNeeded: distance)
        }
    }

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    mutating func removeLast(_ count: Int) {
        ids.removeLast(count)
        starts.removeLast(count)
        ends.removeLast(count)
    }
}
