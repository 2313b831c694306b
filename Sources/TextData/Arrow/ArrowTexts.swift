/// How a column's texts are laid out in the buffers of a record batch.
enum ArrowTexts {
    /// One after the other, with an offset for each.
    case joined(isLarge: Bool)
    /// Short ones in their own table, longer ones wherever it says.
    case views

    init?(_ kind: ArrowKind) {
        switch kind {
        case .text: self = .joined(isLarge: false)
        case .largeText: self = .joined(isLarge: true)
        case .textView: self = .views
        default: return nil
        }
    }

    /// Gives each row's text of a record batch to `body`, nil if it is null.
    func forEach(_ batch: ArrowBatch, at place: ArrowPlace, _ body: (ArraySlice<UInt8>?) throws -> Void) throws {
        let (rows, nulls) = try batch.counts(place)
        if rows == 0 { return }
        let rowTable = try batch.contents(place, 1)
        let isValid = try ArrowValidity(batch, at: place, rows: rows, nulls: nulls)
        let data: [[UInt8]]
        let width: Int
        switch self {
        case .joined(let isLarge):
            data = [try batch.contents(place, 2)]
            width = isLarge ? 8 : 4
            guard rowTable.count / width > rows else { throw Fault.damaged("a record batch is shorter than its rows") }
        case .views:
            data = try batch.viewContents(place)
            width = 16
            guard rowTable.count / width >= rows else { throw Fault.damaged("a record batch is shorter than its rows") }
        }
        for row in 0..<rows {
            guard isValid[row] else {
                try body(nil)
                continue
            }
            switch self {
            case .joined:
                let start = Self.number(rowTable, at: row * width, width: width)
                let end = Self.number(rowTable, at: (row + 1) * width, width: width)
                try body(try Self.slice(data[0], start, end))
            case .views: try body(try Self.view(rowTable, at: row * width, data))
            }
        }
    }

    private static func view(_ table: [UInt8], at place: Int, _ data: [[UInt8]]) throws(Fault) -> ArraySlice<UInt8> {
        let length = number(table, at: place, width: 4)
        if length <= 12 { return try slice(table, place + 4, place + 4 + length) }
        let (buffer, start) = (number(table, at: place + 8, width: 4), number(table, at: place + 12, width: 4))
        guard data.indices.contains(buffer) else { throw isOutside }
        return try slice(data[buffer], start, start + length)
    }

    private static func slice(_ data: [UInt8], _ start: Int, _ end: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard 0 <= start, start <= end, end <= data.count else { throw isOutside }
        return data[start..<end]
    }

    private static let isOutside = Fault.damaged("a text of a record batch lies outside it")

    private static func number(_ bytes: [UInt8], at place: Int, width: Int) -> Int {
        bytes.withUnsafeBytes {
            width == 8
                ? Int(Int64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Int64.self)))
                : Int(Int32(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Int32.self)))
        }
    }
}

/// Which rows of a column are not null.
struct ArrowValidity {
    /// A bit for each row; nil if none is null.
    private let bits: [UInt8]?

    init(_ batch: ArrowBatch, at place: ArrowPlace, rows: Int, nulls: Int64) throws(Fault) {
        guard nulls != 0 else {
            bits = nil
            return
        }
        let bits = try batch.contents(place, 0)
        guard bits.count * 8 >= rows else { throw .damaged("a record batch is shorter than its \(rows) rows") }
        self.bits = bits
    }

    subscript(row: Int) -> Bool { bits.map { $0[row / 8] >> UInt8(row % 8) & 1 != 0 } ?? true }
}
