/// Encodes protobuf fields in the order in which they are added.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ field: UInt64, varint value: UInt64) {
        varint(field << 3)
        varint(value)
    }

    /// Negative numbers take ten bytes, as protobuf's int32 and int64 have it.
    mutating func add(_ field: UInt64, integer value: Int) {
        add(field, varint: UInt64(bitPattern: Int64(value)))
    }

    mutating func add(_ field: UInt64, bytes value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func add(_ field: UInt64, text value: String?) {
        if let value, !value.isEmpty { add(field, bytes: Array(value.utf8)) }
    }

    /// A nested message.
    mutating func add(_ field: UInt64, _ build: (inout ProtobufWriter) -> Void) {
        var nested = ProtobufWriter()
        build(&nested)
        add(field, bytes: nested.bytes)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
