/// A file's lines, decompressed, without their ends.
struct Lines {
    private let stream: ByteStream
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    /// No line of text is this long; a file without line feeds may be.
    private static let longest = 1 << 30

    init(_ source: ByteSource) throws(Fault) { stream = try ByteStream(source) }

    /// Gives each line to `body`, with its number from 1 on.
    ///
    /// Lines end as in Python's text files: in a line feed, a carriage return, or both.
    func forEach(_ body: (ArraySlice<UInt8>, Int) throws -> Void) throws {
        var rest: [UInt8] = []
        var number = 0
        // Whether the last line ended in a carriage return, to which a line feed may belong.
        var isAfterReturn = false
        func give(_ line: ArraySlice<UInt8>) throws {
            number += 1
            let isMarked = number == 1 && line.starts(with: Self.byteOrderMark)
            try body(isMarked ? line.dropFirst(3) : line, number)
        }
        while true {
            let bytes = try stream.next()
            if bytes.isEmpty { break }
            var start = bytes.startIndex
            if isAfterReturn, bytes[start] == Self.lineFeed { start += 1 }
            isAfterReturn = false
            while let end = bytes[start...].firstIndex(where: { $0 == Self.lineFeed || $0 == Self.carriageReturn }) {
                if rest.isEmpty {
                    try give(bytes[start..<end])
                } else {
                    rest.append(contentsOf: bytes[start..<end])
                    try give(rest[...])
                    rest.removeAll(keepingCapacity: true)
                }
                start = end + 1
                guard bytes[end] == Self.carriageReturn else { continue }
                if start == bytes.endIndex {
                    isAfterReturn = true
                } else if bytes[start] == Self.lineFeed {
                    start += 1
                }
            }
            rest.append(contentsOf: bytes[start...])
            guard rest.count <= Self.longest else { throw Fault("line \(number + 1) is longer than a gigabyte") }
        }
        if !rest.isEmpty { try give(rest[...]) }
    }

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
}
