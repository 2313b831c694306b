/// Byte strings to find at a position in a text: Unigram's vocabulary, the added tokens.
struct ByteTrie: Sendable {
    private var edges = PairTable<UInt32>(capacity: 1024)
    private var values: [UInt32?] = [nil]
    private var firstBytes = [Bool](repeating: false, count: 256)

    /// Sets a string's number; the last one counts.
    mutating func set(_ key: some Collection<UInt8>, to value: UInt32) {
        guard let first = key.first else { return }
        firstBytes[Int(first)] = true
        var node: UInt32 = 0
        for byte in key {
            if let next = edges[node, UInt32(byte)] {
                node = next
            } else {
                let next = UInt32(values.count)
                values.append(nil)
                edges[node, UInt32(byte)] = next
                node = next
            }
        }
        values[Int(node)] = value
    }

    func canStart(with byte: UInt8) -> Bool { firstBytes[Int(byte)] }

    /// Calls with the end and the number of every string that is at `start`, shortest first.
    func forEachMatch(
        in text: UnsafeBufferPointer<UInt8>, at start: Int, _ body: (_ end: Int, _ value: UInt32) -> Void
    ) {
        guard start < text.count, canStart(with: text[start]) else { return }
        var node: UInt32 = 0
        var index = start
        while index < text.count, let next = edges[node, UInt32(text[index])] {
            node = next
            index += 1
            if let value = values[Int(node)] { body(index, value) }
        }
    }
}
