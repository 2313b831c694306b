/// A file's lines, decompressed, without their ends.
struct Lines {
    private let stream: ByteStream
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    /// No line of text is this long; a file without line feeds may be.
    private static let longest = 1 << 30

    init(_ source: ByteSource) throws(Fault) { stream = try ByteStream(source) }

    /// Gives each line to `body`, with its number from 1 on.
    func forEach(_ body: (ArraySlice<UInt8>, Int) throws -> Void) throws {
        var rest: [UInt8] = []
        var number = 0
        func give(_ line: ArraySlice<UInt8>) throws {
            number += 1
            var line = line
            if number == 1, line.starts(with: Self.byteOrderMark) { line = line.dropFirst(3) }
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            try body(line, number)
        }
        while true {
            let bytes = try stream.next()
            if bytes.isEmpty { break }
            var start = bytes.startIndex
            while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
                if rest.isEmpty {
                    try give(bytes[start..<end])
                } else {
                    rest.append(contentsOf: bytes[start..<end])
                    try give(rest[...])
                    rest.removeAll(keepingCapacity: true)
                }
                start = end + 1
            }
            rest.append(contentsOf: bytes[start...])
            guard rest.count <= Self.longest else { throw Fault("line \(number + 1) is longer than a gigabyte") }
        }
        if !rest.isEmpty { try give(rest[...]) }
    }
}
