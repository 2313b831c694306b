extension Block {
    /// Decompresses an LZ4 block to exactly `size` bytes.
    ///
    /// Format: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>
    static func lz4(_ bytes: ArraySlice<UInt8>, size: Int) throws(Fault) -> [UInt8] {
        try filled(size) { out in
            bytes.withUnsafeBufferPointer { expand($0, into: out, from: 0) } == size
        }
    }

    /// Decompresses an LZ4 frame, which holds blocks, to exactly `size` bytes.
    ///
    /// Format: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>
    static func lz4Frame(_ bytes: ArraySlice<UInt8>, size: Int) throws(Fault) -> [UInt8] {
        var cursor = Cursor(bytes)
        guard try cursor.number(UInt32.self) == 0x184D_2204 else { throw malformed }
        let flags = try cursor.byte()
        guard flags >> 6 == 1, flags & 1 == 0 else { throw malformed }
        // The largest block, the whole size if it is told, and a checksum of these.
        _ = try cursor.take(flags & 8 == 0 ? 2 : 10)
        var blocks: [(bytes: ArraySlice<UInt8>, isCompressed: Bool)] = []
        while case let mark = try cursor.number(UInt32.self), mark != 0 {
            blocks.append((try cursor.take(Int(mark & 0x7FFF_FFFF)), mark >> 31 == 0))
            if flags & 16 != 0 { _ = try cursor.take(4) }
        }
        return try filled(size) { out in
            var written = 0
            for block in blocks {
                let end = block.bytes.withUnsafeBufferPointer { input -> Int? in
                    if block.isCompressed { return expand(input, into: out, from: written) }
                    guard input.count <= out.count - written else { return nil }
                    for index in 0..<input.count { out[written + index] = input[index] }
                    return written + input.count
                }
                guard let end else { return false }
                written = end
            }
            return written == size
        }
    }

    private static let malformed = Fault.damaged("an LZ4 block is malformed")

    private static func filled(
        _ size: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Bool
    ) throws(Fault) -> [UInt8] {
        var isRight = false
        let out = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            isRight = fill(UnsafeMutableBufferPointer(rebasing: buffer[..<size]))
            count = isRight ? size : 0
        }
        guard isRight else { throw malformed }
        return out
    }

    /// Expands a block behind what is written already, which it may repeat; returns where it ends, nil if it is malformed.
    private static func expand(
        _ input: UnsafeBufferPointer<UInt8>, into out: UnsafeMutableBufferPointer<UInt8>, from start: Int
    ) -> Int? {
        var (place, written) = (0, start)
        /// A length whose four bits stand in the token; what does not fit follows in bytes.
        func length(_ bits: UInt8) -> Int? {
            var length = Int(bits)
            guard bits == 15 else { return length }
            while place < input.count {
                let byte = input[place]
                place += 1
                length += Int(byte)
                if byte < 255 { return length }
            }
            return nil
        }
        while place < input.count {
            let token = input[place]
            place += 1
            guard let literals = length(token >> 4), literals <= input.count - place, literals <= out.count - written
            else { return nil }
            for index in 0..<literals { out[written + index] = input[place + index] }
            place += literals
            written += literals
            // The last sequence of a block has no repetition.
            if place == input.count { return written }
            guard input.count - place >= 2 else { return nil }
            let offset = Int(input[place]) | Int(input[place + 1]) << 8
            place += 2
            guard let more = length(token & 15), offset > 0, offset <= written, more + 4 <= out.count - written
            else { return nil }
            // A repetition may read what it has just written.
            for index in 0..<more + 4 { out[written + index] = out[written - offset + index] }
            written += more + 4
        }
        return nil
    }
}
