/// Bytes that are valid UTF-8, read scalar by scalar.
typealias UTF8Text = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
    /// The scalar that begins at a byte, and how many bytes it takes.
    @inline(__always)
    func scalar(at index: Int) -> (value: UInt32, length: Int) {
        let first = UInt32(self[index])
        if first < 0x80 { return (first, 1) }
        let second = UInt32(self[index + 1] & 0x3F)
        if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
        let third = UInt32(self[index + 2] & 0x3F)
        if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
        return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(self[index + 3] & 0x3F), 4)
    }

    /// Where the scalar before a byte begins.
    @inline(__always)
    func scalarStart(before index: Int) -> Int {
        var start = index - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// The scalars of a range, in order.
    func scalars(in range: Range<Int>) -> [UInt32] {
        var scalars: [UInt32] = []
        scalars.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            let (value, length) = scalar(at: index)
            scalars.append(value)
            index += length
        }
        return scalars
    }

    func slice(_ range: Range<Int>) -> UTF8Text { UTF8Text(rebasing: self[range]) }

    func starts(with other: [UInt8]) -> Bool {
        guard other.count <= count else { return false }
        for index in other.indices where other[index] != self[index] { return false }
        return true
    }
}

extension [UInt8] {
    /// Appends a scalar as UTF-8 and says how many bytes that took.
    @discardableResult
    @inline(__always)
    mutating func append(scalar value: UInt32) -> Int {
        switch value {
        case 0..<0x80:
            append(UInt8(value))
            return 1
        case 0x80..<0x800:
            append(UInt8(0xC0 | value >> 6))
            append(UInt8(0x80 | value & 0x3F))
            return 2
        case 0x800..<0x10000:
            append(UInt8(0xE0 | value >> 12))
            append(UInt8(0x80 | (value >> 6) & 0x3F))
            append(UInt8(0x80 | value & 0x3F))
            return 3
        default:
            append(UInt8(0xF0 | value >> 18))
            append(UInt8(0x80 | (value >> 12) & 0x3F))
            append(UInt8(0x80 | (value >> 6) & 0x3F))
            append(UInt8(0x80 | value & 0x3F))
            return 4
        }
    }
}
