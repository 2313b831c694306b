/// A struct in Thrift's compact protocol, with its fields by number.
///
/// Format: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>
struct ThriftStruct {
    indirect enum Value {
        case bool(Bool)
        case integer(Int64)
        case double
        case binary(ArraySlice<UInt8>)
        case list([Value])
        case structure(ThriftStruct)
        case map
    }

    private var fields: [Int: Value] = [:]

    init(_ cursor: inout Cursor) throws(Fault) {
        try self.init(&cursor, depth: 0)
    }

    private init(_ cursor: inout Cursor, depth: Int) throws(Fault) {
        guard depth < 32 else { throw .damaged("its structures are nested too deep") }
        var id = 0
        while true {
            let header = try cursor.byte()
            if header == 0 { return }
            let delta = Int(header >> 4)
            id = delta == 0 ? Int(truncatingIfNeeded: try cursor.zigzag()) : id + delta
            fields[id] = try Self.value(of: header & 0x0F, &cursor, depth: depth)
        }
    }

    private static func value(of type: UInt8, _ cursor: inout Cursor, depth: Int) throws(Fault) -> Value {
        switch type {
        case 1, 2: return .bool(type == 1)
        case 3: return .integer(Int64(Int8(bitPattern: try cursor.byte())))
        case 4, 5, 6: return .integer(try cursor.zigzag())
        case 7:
            _ = try cursor.take(8)
            return .double
        case 8: return .binary(try cursor.take(try cursor.count()))
        case 9, 10:
            let header = try cursor.byte()
            let count = header >> 4 == 15 ? try cursor.count() : Int(header >> 4)
            // Each element takes a byte at least.
            guard count <= cursor.rest.count else { throw .damaged("a list in it is longer than the file") }
            var elements: [Value] = []
            elements.reserveCapacity(count)
            for _ in 0..<count { elements.append(try element(of: header & 0x0F, &cursor, depth: depth)) }
            return .list(elements)
        case 11:
            let count = try cursor.count()
            guard count > 0 else { return .map }
            let types = try cursor.byte()
            guard count <= cursor.rest.count else { throw .damaged("a map in it is longer than the file") }
            for _ in 0..<count {
                _ = try element(of: types >> 4, &cursor, depth: depth)
                _ = try element(of: types & 0x0F, &cursor, depth: depth)
            }
            return .map
        case 12: return .structure(try ThriftStruct(&cursor, depth: depth + 1))
        default: throw .damaged("a field in it has the unknown type \(type)")
        }
    }

    /// In lists a truth value is its own byte.
    private static func element(of type: UInt8, _ cursor: inout Cursor, depth: Int) throws(Fault) -> Value {
        if type == 1 || type == 2 { return .bool(try cursor.byte() == 1) }
        return try value(of: type, &cursor, depth: depth)
    }

    func has(_ id: Int) -> Bool { fields[id] != nil }

    func integer(_ id: Int) -> Int? {
        if case .integer(let value) = fields[id] { Int(exactly: value) } else { nil }
    }

    func bool(_ id: Int) -> Bool? {
        if case .bool(let value) = fields[id] { value } else { nil }
    }

    func text(_ id: Int) -> String? {
        if case .binary(let bytes) = fields[id] { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    func structure(_ id: Int) -> ThriftStruct? {
        if case .structure(let value) = fields[id] { value } else { nil }
    }

    func structures(_ id: Int) -> [ThriftStruct]? {
        guard case .list(let values) = fields[id] else { return nil }
        return values.compactMap { if case .structure(let value) = $0 { value } else { nil } }
    }

    func texts(_ id: Int) -> [String]? {
        guard case .list(let values) = fields[id] else { return nil }
        return values.compactMap {
            if case .binary(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil }
        }
    }

    /// A field that every file has.
    func required<Value>(_ value: Value?, _ name: String) throws(Fault) -> Value {
        guard let value else { throw .damaged("its metadata lacks \(name)") }
        return value
    }
}
