/// The checksum of zip archives, PNG and Ethernet (polynomial 0xEDB88320).
public enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { (index: UInt32) -> UInt32 in
        (0..<8).reduce(index) { rest, _ in (rest >> 1) ^ (rest & 1 == 0 ? 0 : 0xEDB8_8320) }
    }

    /// The checksum of some bytes.
    public static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBufferPointer { bytes in
            table.withUnsafeBufferPointer { table in
                var rest = UInt32.max
                for byte in bytes { rest = (rest >> 8) ^ table[Int(UInt8(truncatingIfNeeded: rest) ^ byte)] }
                return ~rest
            }
        }
    }
}
