/// A place in some bytes, which only moves within them.
struct Cursor {
    let bytes: ArraySlice<UInt8>
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var rest: ArraySlice<UInt8> { bytes[position...] }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.endIndex - position else { throw .damaged("a part of it is cut off") }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func byte() throws(Fault) -> UInt8 {
        guard position < bytes.endIndex else { throw .damaged("a part of it is cut off") }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next little-endian number.
    mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(Fault) -> Number {
        let taken = try take(MemoryLayout<Number>.size)
        return Number(littleEndian: taken.withUnsafeBytes { $0.loadUnaligned(as: Number.self) })
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
