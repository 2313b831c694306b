internal import CCompression

/// How a file of lines is compressed, according to its first bytes.
enum StreamCompression {
    case none
    case gzip
    case zstd

    init(magic: [UInt8]) {
        switch magic {
        case _ where magic.starts(with: [0x1F, 0x8B]): self = .gzip
        case _ where magic.starts(with: [0x28, 0xB5, 0x2F, 0xFD]): self = .zstd
        // A frame to skip may come first.
        case _ where magic.count == 4 && magic[0] & 0xF0 == 0x50 && magic[1...] == [0x2A, 0x4D, 0x18]: self = .zstd
        default: self = .none
        }
    }
}

/// Reads a file from its beginning, decompressed.
final class ByteStream {
    private static let chunk = 1 << 18

    private let source: ByteSource
    private let compression: StreamCompression
    private var offset = 0
    private var input: [UInt8] = []
    private var consumed = 0
    private var gzip = z_stream()
    private var zstd: OpaquePointer?
    /// Whether the last compressed stream in the file has ended.
    private var isComplete = true
    private var hasBegun = false
    /// Whether the last output was full, so more may come without any input.
    private var hasMore = false

    init(_ source: ByteSource) throws(Fault) {
        self.source = source
        compression = StreamCompression(magic: try source.read(at: 0, upTo: 4))
        switch compression {
        case .none: break
        case .gzip:
            guard inflate_init_for(&gzip, 15 + 16) == Z_OK else { throw Fault("zlib cannot start") }
        case .zstd:
            zstd = ZSTD_createDStream()
            // A window larger than this is a memory bomb, or needs --long, which nobody expects of a reader.
            _ = ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, 27)
        }
    }

    deinit {
        if compression == .gzip { inflateEnd(&gzip) }
        ZSTD_freeDStream(zstd)
    }

    /// The next bytes; empty at the end.
    ///
    /// - Throws: a `Fault` if the file is cut off or is not what it seemed.
    func next() throws(Fault) -> [UInt8] {
        while true {
            if consumed == input.count, !hasMore {
                input = try source.read(at: offset, upTo: Self.chunk)
                offset += input.count
                consumed = 0
                if input.isEmpty {
                    guard isComplete else { throw .damaged("it ends in the middle of its compressed data") }
                    return []
                }
            }
            switch compression {
            case .none:
                defer { consumed = input.count }
                return input
            case .gzip:
                let out = try inflated()
                if !out.isEmpty { return out }
            case .zstd:
                let out = try unpacked()
                if !out.isEmpty { return out }
            }
        }
    }

    private func inflated() throws(Fault) -> [UInt8] {
        if isComplete {
            // Several gzip streams may follow one another, and then zeros.
            if hasBegun {
                if input[consumed...].allSatisfy({ $0 == 0 }) {
                    consumed = input.count
                    return []
                }
                inflateReset(&gzip)
            }
            (isComplete, hasBegun) = (false, true)
        }
        var status = Z_OK
        let out = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, filled in
            input.withUnsafeBufferPointer { bytes in
                gzip.next_in = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
                gzip.avail_in = UInt32(bytes.count - consumed)
                gzip.next_out = buffer.baseAddress
                gzip.avail_out = UInt32(Self.chunk)
                status = inflate(&gzip, Z_NO_FLUSH)
                consumed = bytes.count - Int(gzip.avail_in)
            }
            filled = Self.chunk - Int(gzip.avail_out)
        }
        if status == Z_STREAM_END {
            isComplete = true
        } else if status != Z_OK && status != Z_BUF_ERROR {
            throw .damaged("its gzip data is malformed")
        }
        hasMore = !isComplete && out.count == Self.chunk
        return out
    }

    private func unpacked() throws(Fault) -> [UInt8] {
        var reason: String?
        let out = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, filled in
            input.withUnsafeBytes { bytes in
                var from = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: consumed)
                var to = ZSTD_outBuffer(dst: buffer.baseAddress, size: Self.chunk, pos: 0)
                let hint = ZSTD_decompressStream(zstd, &to, &from)
                if ZSTD_isError(hint) != 0 { reason = String(cString: ZSTD_getErrorName(hint)) }
                isComplete = hint == 0
                consumed = from.pos
                filled = to.pos
            }
        }
        if let reason { throw .damaged("its Zstandard data is malformed (\(reason))") }
        hasMore = !isComplete && out.count == Self.chunk
        return out
    }
}
