internal import CCompression

extension CompressedBlock {
    /// Decompresses an LZ4 block to exactly `size` bytes.
    static func lz4(_ bytes: ArraySlice<UInt8>, size: Int) throws(Fault) -> [UInt8] {
        try filled(size) { out in
            bytes.withUnsafeBytes { input in
                LZ4_decompress_safe(
                    input.baseAddress, out.baseAddress, Int32(clamping: input.count), Int32(clamping: size))
            } == size
        }
    }

    /// Decompresses an LZ4 frame, which holds blocks, to exactly `size` bytes.
    static func lz4Frame(_ bytes: ArraySlice<UInt8>, size: Int) throws(Fault) -> [UInt8] {
        var context: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0 else {
            throw Fault("LZ4 cannot start")
        }
        defer { LZ4F_freeDecompressionContext(context) }
        return try filled(size) { out in
            bytes.withUnsafeBytes { input in
                var (read, written) = (0, 0)
                while true {
                    var (taken, given) = (input.count - read, size - written)
                    let hint = LZ4F_decompress(
                        context, out.baseAddress.map { $0 + written }, &given, input.baseAddress.map { $0 + read },
                        &taken, nil)
                    read += taken
                    written += given
                    if hint == 0 { return written == size }
                    // One that is cut off, or holds more than was said, comes to a stop.
                    if LZ4F_isError(hint) != 0 || taken + given == 0 { return false }
                }
            }
        }
    }

    private static func filled(
        _ size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Bool
    ) throws(Fault) -> [UInt8] {
        var isRight = false
        let out = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            isRight = fill(UnsafeMutableRawBufferPointer(buffer))
            count = isRight ? size : 0
        }
        guard isRight else { throw .damaged("an LZ4 block is malformed") }
        return out
    }
}
