/// A table in a FlatBuffer, whose fields are found by number.
///
/// Format: <https://flatbuffers.dev/internals/>
struct FlatTable {
    private let bytes: [UInt8]
    private let place: Int
    private let fields: Int
    private let fieldCount: Int

    /// The table that a buffer begins with.
    init(root bytes: [UInt8]) throws(Fault) {
        try self.init(bytes, at: Int(try Self.number(bytes, at: 0, UInt32.self)))
    }

    private init(_ bytes: [UInt8], at place: Int) throws(Fault) {
        self.bytes = bytes
        self.place = place
        fields = place - Int(try Self.number(bytes, at: place, Int32.self))
        fieldCount = (Int(try Self.number(bytes, at: fields, UInt16.self)) - 4) / 2
    }

    private static func number<Number: FixedWidthInteger>(
        _ bytes: [UInt8], at place: Int, _: Number.Type
    ) throws(Fault) -> Number {
        guard place >= 0, place <= bytes.count - MemoryLayout<Number>.size else {
            throw .damaged("its metadata points outside itself")
        }
        return Number(
            littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Number.self) })
    }

    /// Where a field stands; nil if it has its default.
    private func field(_ id: Int) throws(Fault) -> Int? {
        guard id < fieldCount else { return nil }
        let offset = Int(try Self.number(bytes, at: fields + 4 + 2 * id, UInt16.self))
        return offset == 0 ? nil : place + offset
    }

    func number<Number: FixedWidthInteger>(_ id: Int, _ type: Number.Type, default value: Number) throws(Fault)
        -> Number
    {
        guard let place = try field(id) else { return value }
        return try Self.number(bytes, at: place, type)
    }

    private func target(_ place: Int) throws(Fault) -> Int {
        place + Int(try Self.number(bytes, at: place, UInt32.self))
    }

    func table(_ id: Int) throws(Fault) -> FlatTable? {
        guard let place = try field(id) else { return nil }
        return try FlatTable(bytes, at: try target(place))
    }

    func tables(_ id: Int) throws(Fault) -> [FlatTable] {
        guard let (start, count) = try vector(id, elementSize: 4) else { return [] }
        var tables: [FlatTable] = []
        for index in 0..<count { tables.append(try FlatTable(bytes, at: try target(start + 4 * index))) }
        return tables
    }

    func text(_ id: Int) throws(Fault) -> String? {
        guard let (start, count) = try vector(id, elementSize: 1) else { return nil }
        return String(decoding: bytes[start..<start + count], as: UTF8.self)
    }

    /// Structs of 64-bit numbers, `width` of them each.
    func rows(_ id: Int, width: Int) throws(Fault) -> [[Int64]] {
        guard let (start, count) = try vector(id, elementSize: 8 * width) else { return [] }
        var rows: [[Int64]] = []
        for row in 0..<count {
            var numbers: [Int64] = []
            for column in 0..<width {
                numbers.append(try Self.number(bytes, at: start + 8 * (row * width + column), Int64.self))
            }
            rows.append(numbers)
        }
        return rows
    }

    private func vector(_ id: Int, elementSize: Int) throws(Fault) -> (start: Int, count: Int)? {
        guard let place = try field(id) else { return nil }
        let vector = try target(place)
        let count = Int(try Self.number(bytes, at: vector, UInt32.self))
        guard count <= (bytes.count - vector - 4) / elementSize else {
            throw .damaged("a list in its metadata is longer than the metadata")
        }
        return (vector + 4, count)
    }
}
