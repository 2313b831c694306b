import Artifacts

/// A place in a file's bytes; reading past their end is an error that says that a part of the file is missing.
struct Cursor {
    private var place: ByteCursor

    init(_ bytes: ArraySlice<UInt8>) { place = ByteCursor(bytes) }

    var position: Int { place.position }

    var rest: ArraySlice<UInt8> { place.rest }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard let taken = place.take(count) else { throw .damaged("a part of it is cut off") }
        return taken
    }

    mutating func byte() throws(Fault) -> UInt8 { try number(UInt8.self) }

    /// The next little-endian number.
    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(Fault) -> Number {
        guard let number = place.number(type) else { throw .damaged("a part of it is cut off") }
        return number
    }

    /// A number of seven bits a byte, lowest first.
    mutating func varint() throws(Fault) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try byte()
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .damaged("a number in it has no end")
    }

    /// A varint whose lowest bit is the sign.
    mutating func zigzag() throws(Fault) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// A varint that counts something and so fits an `Int`.
    mutating func count() throws(Fault) -> Int {
        guard let count = Int(exactly: try varint()) else { throw .damaged("a count in it is too large") }
        return count
    }
}
