internal import CCompression

/// Compressed blocks of a known size.
enum CompressedBlock {
    /// Inflates a gzip or zlib block to exactly `size` bytes.
    static func inflate(_ bytes: ArraySlice<UInt8>, size: Int) throws(Fault) -> [UInt8] {
        var stream = z_stream()
        // 32 more than the largest window: gzip's and zlib's headers are both recognised.
        guard inflate_init_for(&stream, 15 + 32) == Z_OK else { throw Fault("zlib cannot start") }
        defer { inflateEnd(&stream) }
        var status = Z_OK
        let out = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            bytes.withUnsafeBufferPointer { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(size)
                status = CCompression.inflate(&stream, Z_FINISH)
            }
            filled = size - Int(stream.avail_out)
        }
        guard status == Z_STREAM_END, out.count == size else { throw .damaged("a gzip block is malformed") }
        return out
    }

    /// Decompresses a Zstandard block to exactly `size` bytes.
    static func zstd(_ bytes: ArraySlice<UInt8>, size: Int) throws(Fault) -> [UInt8] {
        var isRight = false
        let out = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            let got = bytes.withUnsafeBytes { ZSTD_decompress(buffer.baseAddress, size, $0.baseAddress, $0.count) }
            isRight = ZSTD_isError(got) == 0 && got == size
            filled = isRight ? size : 0
        }
        guard isRight else { throw .damaged("a Zstandard block is malformed") }
        return out
    }

    /// Decompresses a Snappy block (the raw format, without frames) to exactly `size` bytes.
    ///
    /// Format: <https://github.com/google/snappy/blob/main/format_description.txt>
    static func snappy(_ bytes: ArraySlice<UInt8>, size: Int) throws(Fault) -> [UInt8] {
        let fault = Fault.damaged("a Snappy block is malformed")
        var isRight = false
        let out = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            bytes.withUnsafeBufferPointer { input in
                isRight = unsnap(input, into: buffer, size: size)
            }
            filled = isRight ? size : 0
        }
        guard isRight else { throw fault }
        return out
    }

    private static func unsnap(
        _ input: UnsafeBufferPointer<UInt8>, into out: UnsafeMutableBufferPointer<UInt8>, size: Int
    ) -> Bool {
        var place = 0
        var written = 0
        func number(_ count: Int) -> Int? {
            guard count <= input.count - place else { return nil }
            defer { place += count }
            return (0..<count).reduce(0) { $0 | Int(input[place + $1]) << (8 * $1) }
        }
        var (declared, shift) = (0, 0)
        while true {
            guard shift < 35, let byte = number(1) else { return false }
            declared |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 { break }
        }
        guard declared == size else { return false }
        while place < input.count {
            guard let tag = number(1) else { return false }
            if tag & 3 == 0 {
                // A literal; if its length does not fit into the tag, it follows the tag.
                var length = tag >> 2
                if length >= 60 {
                    guard let longer = number(length - 59) else { return false }
                    length = longer
                }
                length += 1
                guard length <= input.count - place, length <= size - written else { return false }
                for index in 0..<length { out[written + index] = input[place + index] }
                place += length
                written += length
                continue
            }
            let length: Int
            let offset: Int?
            switch tag & 3 {
            case 1:
                length = (tag >> 2 & 7) + 4
                offset = number(1).map { (tag >> 5) << 8 | $0 }
            case 2:
                length = (tag >> 2) + 1
                offset = number(2)
            default:
                length = (tag >> 2) + 1
                offset = number(4)
            }
            guard let offset, offset > 0, offset <= written, length <= size - written else { return false }
            // A copy may read what it has just written.
            for index in 0..<length { out[written + index] = out[written - offset + index] }
            written += length
        }
        return written == size
    }
}
