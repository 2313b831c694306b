import Artifacts
import CCompression
import Glibc

/// CRC-32, by zlib: gigabytes of tokens are checked.
struct Checksum {
    /// The checksum of what was added.
    private(set) var value: UInt32 = 0

    /// Goes on with more bytes.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let base = bytes.bindMemory(to: UInt8.self).baseAddress
        value = UInt32(truncatingIfNeeded: CCompression.crc32_z(UInt(value), base, bytes.count))
    }

    /// The checksum of some bytes.
    static func of(_ bytes: [UInt8]) -> UInt32 {
        var sum = Checksum()
        bytes.withUnsafeBytes { if !$0.isEmpty { sum.add($0) } }
        return sum.value
    }

    /// The checksum of a whole file.
    ///
    /// - Throws: `FileError` if it can't be read.
    static func of(_ descriptor: Int32, path: String) throws(FileError) -> UInt32 {
        var sum = Checksum()
        // Read, not mapped: pages read only once should not count as this process's.
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = 0
        while true {
            let count = buffer.withUnsafeMutableBytes { buffer in
                let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
                if count > 0 { sum.add(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                return count
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(.read, path) }
            if count == 0 { return sum.value }
            offset += count
        }
    }
}
