/// The checksum of zip archives, gzip, PNG, Parquet and Ethernet (polynomial 0xEDB88320).
///
/// Sixteen bytes at once, each by a table of its own: gigabytes of tokens are checked.
public struct CRC32: Sendable {
    /// The checksum of what was added.
    public private(set) var value: UInt32 = 0

    /// That of no bytes.
    public init() {}

    /// Goes on with more bytes.
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var rest = ~value
        Self.tables.withUnsafeBufferPointer { tables in
            guard let tables = tables.baseAddress else { return }
            var place = 0
            while place + 16 <= bytes.count {
                let first = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian
                let second = bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self).littleEndian
                rest = Self.fold(first ^ UInt64(rest), tables + 8 * 256) ^ Self.fold(second, tables)
                place += 16
            }
            while place < bytes.count {
                rest = (rest >> 8) ^ tables[Int(UInt8(truncatingIfNeeded: rest) ^ bytes[place])]
                place += 1
            }
        }
        value = ~rest
    }

    /// The checksum of some bytes.
    public static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var sum = CRC32()
        bytes.withUnsafeBytes { sum.add($0) }
        return sum.value
    }

    /// What eight bytes amount to, the first by the last of eight tables.
    @inline(__always)
    private static func fold(_ word: UInt64, _ tables: UnsafePointer<UInt32>) -> UInt32 {
        var sum: UInt32 = 0
        for byte in 0..<8 {
            sum ^= tables[(7 - byte) * 256 + Int(UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)))]
        }
        return sum
    }

    /// Of each byte, followed by 0, 1, … 15 bytes of zeros.
    private static let tables: [UInt32] = {
        let one = (0..<256).map { (index: UInt32) -> UInt32 in
            (0..<8).reduce(index) { rest, _ in (rest >> 1) ^ (rest & 1 == 0 ? 0 : 0xEDB8_8320) }
        }
        var tables = one
        for index in 0..<15 * 256 { tables.append((tables[index] >> 8) ^ one[Int(tables[index] & 0xFF)]) }
        return tables
    }()
}
