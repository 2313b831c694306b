/// A place in some bytes, which only moves within them.
public struct ByteCursor {
    private let bytes: ArraySlice<UInt8>
    /// The index of the next byte.
    public private(set) var position: Int

    /// Starts at the first byte.
    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position == bytes.endIndex }

    /// What is left.
    public var rest: ArraySlice<UInt8> { bytes[position...] }

    /// The next `count` bytes; nil if fewer are left.
    public mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= bytes.endIndex - position else { return nil }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// The next little-endian number; nil if the bytes end before it does.
    public mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard let taken = take(MemoryLayout<Number>.size) else { return nil }
        return Number(littleEndian: taken.withUnsafeBytes { $0.loadUnaligned(as: Number.self) })
    }

    /// The next little-endian number, as an `Int`; nil also if it does not fit one.
    mutating func size<Number: FixedWidthInteger>(_ type: Number.Type) -> Int? {
        number(type).flatMap { Int(exactly: $0) }
    }

    /// The bytes up to the next line feed, which is passed; nil if there is none.
    mutating func line() -> ArraySlice<UInt8>? {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        defer { position = end + 1 }
        return bytes[position..<end]
    }
}
