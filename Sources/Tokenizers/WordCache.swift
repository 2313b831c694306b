/// The tokens of words that have been encoded before: texts repeat most of their words.
struct WordCache {
    private var words = ByteStringTable(capacity: 4096)
    private var tokens = TokenList()
    private var ends: [Int] = []
    /// Longer words hardly come again.
    static let longestWord = 256
    private static let capacity = 200_000

    /// Appends a word's tokens, if they are known.
    func append(_ word: UTF8Text, to list: inout TokenList) -> Bool {
        guard let index = words[word] else { return false }
        let start = index == 0 ? 0 : ends[Int(index) - 1]
        list.append(tokens, from: start, to: ends[Int(index)])
        return true
    }

    /// Keeps a word's tokens: those from a place of the list on.
    mutating func keep(_ word: UTF8Text, _ list: TokenList, from start: Int) {
        if words.count == Self.capacity {
            words.removeAll()
            tokens.removeAll()
            ends.removeAll(keepingCapacity: true)
        }
        tokens.append(list, from: start, to: list.count)
        words.set(word, to: UInt32(ends.count))
        ends.append(tokens.count)
    }
}
