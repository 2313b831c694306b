import CCompression

/// zlib's format, as browsers unpack it on their own (`DecompressionStream("deflate")`).
public enum Deflate {
    /// Packs bytes; the same bytes give the same.
    ///
    /// - Returns: What zlib makes of them at its best.
    /// - Throws: `TextDataError` where memory is out.
    public static func compress(_ bytes: [UInt8]) throws(TextDataError) -> [UInt8] {
        var length = compressBound(UInt(bytes.count))
        var packed = [UInt8](repeating: 0, count: Int(length))
        guard compress2(&packed, &length, bytes, UInt(bytes.count), Z_BEST_COMPRESSION) == Z_OK else {
            throw TextDataError("a page", "zlib cannot pack \(bytes.count) bytes")
        }
        return Array(packed[..<Int(length)])
    }
}
