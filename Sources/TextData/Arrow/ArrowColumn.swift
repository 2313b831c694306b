/// A column of text in a schema, and where its buffers stand in each record batch.
struct ArrowColumn {
    private let place: ArrowPlace
    private let texts: ArrowTexts
    private var dictionary: ArrowDictionary?

    /// Finds a column by its name.
    init(named name: String, in schema: FlatTable) throws(Fault) {
        guard try schema.number(0, Int16.self, default: 0) == 0 else {
            throw .unsupported("an Arrow stream with big-endian numbers", instead: "write it again on a common machine")
        }
        let fields = try schema.tables(1)
        var place = ArrowPlace()
        for field in fields {
            guard try field.text(0) == name else {
                try place.pass(field)
                continue
            }
            let kind = try ArrowKind(of: field)
            guard let texts = ArrowTexts(kind) else {
                throw Fault("the column '\(name)' holds no text: it is \(kind.name)", concernsColumn: true)
            }
            (self.place, self.texts) = (place, texts)
            dictionary = try field.table(4).map { (table) throws(Fault) in try ArrowDictionary(table) }
            return
        }
        var names: [String] = []
        for field in fields { names.append(try field.text(0) ?? "") }
        throw .missingColumn(name, among: names)
    }

    /// Takes the texts of a dictionary batch, if it is this column's.
    mutating func learn(_ table: FlatTable, source: ByteSource, body: Range<Int>) throws {
        guard try table.number(0, Int64.self, default: 0) == dictionary?.id, let values = try table.table(1) else {
            return
        }
        if try table.number(2, UInt8.self, default: 0) == 0 { dictionary?.texts.removeAll() }
        try texts.forEach(try ArrowBatch(values, source: source, body: body), at: ArrowPlace()) {
            dictionary?.texts.append($0.map(Array.init))
        }
    }

    /// Gives each row's text of a record batch to `body`, nil if it is null.
    func forEachText(
        _ table: FlatTable, source: ByteSource, body range: Range<Int>, _ body: (ArraySlice<UInt8>?) throws -> Void
    ) throws {
        let batch = try ArrowBatch(table, source: source, body: range)
        if let dictionary {
            try dictionary.forEachText(batch, at: place, body)
        } else {
            try texts.forEach(batch, at: place, body)
        }
    }
}

/// The different texts of a column that is in record batches as numbers of these.
struct ArrowDictionary {
    let id: Int64
    private let width: Int
    var texts: [[UInt8]?] = []

    /// A field's `dictionary` table.
    init(_ table: FlatTable) throws(Fault) {
        id = try table.number(0, Int64.self, default: 0)
        let bits = try table.table(1)?.number(0, Int32.self, default: 0) ?? 32
        guard [8, 16, 32, 64].contains(bits) else { throw .damaged("it numbers texts with \(bits) bits") }
        width = Int(bits) / 8
    }

    func forEachText(_ batch: ArrowBatch, at place: ArrowPlace, _ body: (ArraySlice<UInt8>?) throws -> Void) throws {
        let (rows, nulls) = try batch.counts(place)
        if rows == 0 { return }
        let isValid = try ArrowValidity(batch, at: place, rows: rows, nulls: nulls)
        let numbers = try batch.contents(place, 1)
        guard numbers.count / width >= rows else { throw Fault.damaged("a record batch is shorter than its rows") }
        for row in 0..<rows {
            guard isValid[row] else {
                try body(nil)
                continue
            }
            // Little-endian; a negative number counts as too large.
            let number = (0..<width).reduce(UInt64(0)) { $0 | UInt64(numbers[row * width + $1]) << UInt64(8 * $1) }
            guard number < UInt64(texts.count) else {
                throw Fault.damaged("a row has text number \(number) of a dictionary of \(texts.count)")
            }
            try body(texts[Int(number)]?[...])
        }
    }
}
