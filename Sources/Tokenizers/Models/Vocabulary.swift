import JSON

/// Tokens and their numbers.
struct Vocabulary: Sendable {
    private var table: ByteStringTable
    private var entryByID: [UInt32: Int] = [:]

    /// The `vocab` of a BPE, WordPiece or WordLevel model: an object of tokens and numbers.
    init(_ place: JSONPlace) throws(TokenizerError) {
        guard case .object(let members) = place.value else { throw place.unexpected("an object of tokens and numbers") }
        table = ByteStringTable(capacity: members.count)
        entryByID.reserveCapacity(members.count)
        for member in members {
            guard let number = member.value.integer, let id = UInt32(exactly: number) else {
                throw JSONPlace(file: place.file, path: "\(place.path).\"\(member.name)\"", value: member.value)
                    .unexpected("a whole number from 0 to 2^32 - 1")
            }
            table.set(member.name.utf8, to: id)
        }
        for entry in 0..<table.count { entryByID[table.value(at: entry)] = entry }
    }

    /// How many tokens there are.
    var count: Int { table.count }

    var all: [(content: [UInt8], id: UInt32)] {
        (0..<table.count).map { (Array(table.key(at: $0)), table.value(at: $0)) }
    }

    subscript(token: UTF8Text) -> UInt32? { table[token] }

    subscript(token: some Collection<UInt8>) -> UInt32? { table[token] }

    func text(of id: UInt32) -> ArraySlice<UInt8>? { entryByID[id].map { table.key(at: $0) } }
}
