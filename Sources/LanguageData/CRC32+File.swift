import Artifacts
import Glibc

extension CRC32 {
    /// The checksum of some bytes.
    static func of(_ bytes: [UInt8]) -> UInt32 { checksum(bytes[...]) }

    /// The checksum of a whole file.
    ///
    /// - Throws: `FileError` if it can't be read.
    static func of(_ descriptor: Int32, path: String) throws(FileError) -> UInt32 {
        var sum = CRC32()
        // Read, not mapped: pages read only once should not count as this process's.
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = 0
        while true {
            let count = buffer.withUnsafeMutableBytes { buffer in
                let count = uninterrupted { pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
                if count > 0 { sum.add(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                return count
            }
            guard count >= 0 else { throw FileError(.read, path) }
            if count == 0 { return sum.value }
            offset += count
        }
    }
}
