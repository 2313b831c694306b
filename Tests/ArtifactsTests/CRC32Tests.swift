import Testing

@testable import Artifacts

struct CRC32Tests {
    /// Bit by bit, as the polynomial says.
    private func plain(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { rest, byte in
            (0..<8).reduce(rest ^ UInt32(byte)) { rest, _ in (rest >> 1) ^ (rest & 1 == 0 ? 0 : 0xEDB8_8320) }
        }
    }

    @Test func theChecksumIsThatOfItsDefinitionAtEveryLengthAndPlace() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 &+ 7) }
        #expect(CRC32.checksum(Array("123456789".utf8)[...]) == 0xCBF4_3926)
        for count in 0..<80 {
            for start in 0..<9 {
                let part = bytes[start..<start + count]
                #expect(CRC32.checksum(part) == plain(Array(part)), "\(count) bytes from \(start)")
            }
        }
    }

    @Test func whatIsAddedInPartsIsTheWhole() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 57) }
        for cut in [0, 1, 15, 16, 17, 150, 300] {
            var sum = CRC32()
            for part in [bytes[..<cut], bytes[cut...]] { part.withUnsafeBytes { sum.add($0) } }
            #expect(sum.value == CRC32.checksum(bytes[...]))
        }
    }
}
