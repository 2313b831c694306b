import Foundation

/// Why a safetensors file is refused.
public enum SafeTensorsError: Error, Equatable, CustomStringConvertible {
    case unreadable(FileError)
    case damaged(path: String, reason: String)

    /// One readable line.
    public var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .damaged(let path, let reason): "\(path) is not a usable safetensors file: \(reason)"
        }
    }
}

extension SafeTensors {
    /// Reads a file of at most `limit` bytes; half and bfloat16 numbers become single precision.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: how many bytes it may have.
    ///   - skips: which arrays, by their names, are left out whatever their type.
    ///   - toleratesOtherTypes: whether arrays of types that are not read are named in ``unread``, not refused.
    /// - Throws: `SafeTensorsError` for anything that is not a well-formed file of floating-point or whole numbers.
    public init(
        contentsOf path: String, limit: Int = 4 << 30, skipping skips: (String) -> Bool = { _ in false },
        toleratingOtherTypes toleratesOtherTypes: Bool = false
    ) throws(SafeTensorsError) {
        let bytes: [UInt8]
        do {
            bytes = try DurableFile.read(path, limit: limit)
        } catch {
            throw .unreadable(error)
        }
        try self.init(bytes, of: path, skipping: skips, toleratingOtherTypes: toleratesOtherTypes)
    }

    /// Reads the bytes of a file, or of one that lies within another.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - path: Where they come from, for errors.
    ///   - skips: Which arrays, by their names, are left out whatever their type.
    ///   - toleratesOtherTypes: Whether arrays of types that are not read are named in ``unread``, not refused.
    /// - Throws: `SafeTensorsError`, as for a file.
    public init(
        _ bytes: [UInt8], of path: String, skipping skips: (String) -> Bool = { _ in false },
        toleratingOtherTypes toleratesOtherTypes: Bool = false
    ) throws(SafeTensorsError) {
        do {
            try self.init(decoding: bytes, skipping: skips, toleratingOtherTypes: toleratesOtherTypes)
        } catch {
            throw .damaged(path: path, reason: error.reason)
        }
    }

    /// Reads what a file holds.
    ///
    /// - Parameters:
    ///   - bytes: The file's bytes.
    ///   - source: What errors call it.
    /// - Throws: `SafeTensorsError`, as for a file.
    public init(bytes: [UInt8], source: String) throws(SafeTensorsError) {
        do {
            try self.init(decoding: bytes)
        } catch {
            throw .damaged(path: source, reason: error.reason)
        }
    }

    /// What is wrong with some bytes.
    struct Damage: Error {
        let reason: String
    }

    private static let longestHeader = 100 << 20

    init(
        decoding bytes: [UInt8], skipping skips: (String) -> Bool = { _ in false },
        toleratingOtherTypes toleratesOtherTypes: Bool = false
    ) throws(Damage) {
        guard bytes.count >= 8 else { throw Damage(reason: "it is only \(bytes.count) bytes long") }
        let length = bytes[..<8].enumerated().reduce(UInt64(0)) {
            $0 | UInt64($1.element) << (8 * UInt64($1.offset))
        }
        guard length <= UInt64(min(bytes.count - 8, Self.longestHeader)) else {
            throw Damage(
                reason: "its header should be \(length) bytes long, but \(bytes.count - 8) are there")
        }
        let start = 8 + Int(length)
        let header: [String: Any]
        do {
            let object = try JSONSerialization.jsonObject(with: Data(bytes[8..<start]))
            guard let found = object as? [String: Any] else {
                throw Damage(reason: "its header is not an object")
            }
            header = found
        } catch let damage as Damage {
            throw damage
        } catch {
            throw Damage(reason: "its header is not JSON")
        }
        var arrays: [String: Array] = [:]
        var metadata: [String: String] = [:]
        var unread: [String: String] = [:]
        var used: [Range<Int>] = []
        for (name, value) in header {
            if name == "__metadata__" {
                guard let strings = value as? [String: String] else {
                    throw Damage(reason: "its metadata are not strings")
                }
                metadata = strings
                continue
            }
            let entry = try Entry(name, value, data: bytes[start...])
            used.append(entry.range)
            if skips(name) { continue }
            if toleratesOtherTypes, !entry.isRead {
                unread[name] = entry.type
            } else {
                arrays[name] = try entry.array(bytes[start...])
            }
        }
        // Arrays must tile the data: forged files have overlaps and gaps.
        var end = 0
        for range in used.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
            guard range.lowerBound == end else { throw Damage(reason: "its arrays overlap or leave gaps") }
            end = range.upperBound
        }
        guard end == bytes.count - start else {
            throw Damage(reason: "its arrays take \(end) bytes, but \(bytes.count - start) are there")
        }
        self.init(arrays: arrays, metadata: metadata, unread: unread)
    }

    /// What the header says about one array.
    private struct Entry {
        let name: String
        let type: String
        let shape: [Int]
        /// Where its bytes are in the data.
        let range: Range<Int>

        /// The bytes of an element, by the types' names.
        private static let sizes = [
            "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U64": 8, "U32": 4, "I16": 2, "U16": 2,
            "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "C64": 8,
        ]

        /// Whether its numbers are read.
        var isRead: Bool { ["F64", "F32", "F16", "BF16", "I64", "I32"].contains(type) }

        init(_ name: String, _ value: Any, data: ArraySlice<UInt8>) throws(Damage) {
            guard let entry = value as? [String: Any], let type = entry["dtype"] as? String,
                let shape = entry["shape"] as? [Int], let offsets = entry["data_offsets"] as? [Int],
                offsets.count == 2
            else { throw Damage(reason: "the entry of '\(name)' is malformed") }
            guard let size = Self.sizes[type] else { throw Self.unread(name, type) }
            var count = size
            for extent in shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: extent)
                guard extent >= 0, !overflow else {
                    throw Damage(reason: "'\(name)' has the impossible shape \(shape)")
                }
                count = product
            }
            guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= data.count,
                offsets[1] - offsets[0] == count
            else {
                throw Damage(reason: "'\(name)' has shape \(shape) but the bytes \(offsets) of \(data.count)")
            }
            (self.name, self.type, self.shape) = (name, type, shape)
            range = offsets[0]..<offsets[1]
        }

        private static func unread(_ name: String, _ type: String) -> Damage {
            Damage(reason: "'\(name)' is of type \(type); only F32, F64, F16, BF16, I64 and I32 are read")
        }

        func array(_ data: ArraySlice<UInt8>) throws(Damage) -> Array {
            let bytes = data[data.startIndex + range.lowerBound..<data.startIndex + range.upperBound]
            switch type {
            case "F32": return Array(shape: shape, numbers(bytes) { Float(bitPattern: UInt32(littleEndian: $0)) })
            case "F64": return Array(shape: shape, numbers(bytes) { Double(bitPattern: UInt64(littleEndian: $0)) })
            case "I64": return Array(shape: shape, numbers(bytes) { Int64(bitPattern: UInt64(littleEndian: $0)) })
            case "I32":
                return Array(shape: shape, numbers(bytes) { Int64(Int32(bitPattern: UInt32(littleEndian: $0))) })
            case "F16": return Array(shape: shape, numbers(bytes) { SafeTensors.half(UInt16(littleEndian: $0)) })
            case "BF16":
                return Array(
                    shape: shape, numbers(bytes) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) })
            default: throw Self.unread(name, type)
            }
        }
    }

    private static func numbers<Bits: FixedWidthInteger, Number>(
        _ bytes: ArraySlice<UInt8>, _ number: (Bits) -> Number
    ) -> [Number] {
        bytes.withUnsafeBytes { buffer in
            stride(from: 0, to: buffer.count, by: MemoryLayout<Bits>.size).map {
                number(buffer.loadUnaligned(fromByteOffset: $0, as: Bits.self))
            }
        }
    }

    /// IEEE half precision, which Swift has no type for on x86.
    static func half(_ bits: UInt16) -> Float {
        let sign: Float = bits & 0x8000 == 0 ? 1 : -1
        let (exponent, fraction) = (Int(bits >> 10 & 0x1f), Float(bits & 0x3ff))
        switch exponent {
        case 0: return sign * fraction * Float(sign: .plus, exponent: -24, significand: 1)
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * Float(sign: .plus, exponent: exponent - 25, significand: 1024 + fraction)
        }
    }
}
