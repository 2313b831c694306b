import Foundation

/// The contents of a safetensors file: named arrays and string metadata.
///
/// Format: 8 bytes of header length (little-endian), a JSON header, the arrays' bytes without gaps.
/// <https://huggingface.co/docs/safetensors>
public struct SafeTensors: Equatable, Sendable {
    /// One array.
    public struct Array: Equatable, Sendable {
        /// The numbers, in row-major order.
        public enum Elements: Equatable, Sendable {
            case float32([Float])
            case float64([Double])
            case int64([Int64])
            /// Only written: what is read becomes `int64`.
            case int32([Int32])
        }

        /// The extents, outermost first; empty for a scalar.
        public let shape: [Int]
        /// The numbers.
        public let elements: Elements

        /// Creates an array of single-precision numbers.
        public init(shape: [Int], _ values: [Float]) {
            self.shape = shape
            elements = .float32(values)
        }

        /// Creates an array of double-precision numbers.
        public init(shape: [Int], _ values: [Double]) {
            self.shape = shape
            elements = .float64(values)
        }

        /// Creates an array of whole numbers.
        public init(shape: [Int], _ values: [Int64]) {
            self.shape = shape
            elements = .int64(values)
        }

        /// Creates an array of short whole numbers.
        public init(shape: [Int], _ values: [Int32]) {
            self.shape = shape
            elements = .int32(values)
        }

        /// Whether its elements are whole numbers.
        public var isInteger: Bool {
            switch elements {
            case .int64, .int32: true
            case .float32, .float64: false
            }
        }

        /// The numbers in single precision.
        public var floats: [Float] {
            switch elements {
            case .float32(let values): values
            case .float64(let values): values.map { Float($0) }
            case .int64(let values): values.map { Float($0) }
            case .int32(let values): values.map { Float($0) }
            }
        }
    }

    /// Strings that the writer attached.
    public var metadata: [String: String]
    /// The arrays by name.
    public var arrays: [String: Array]
    /// The types of arrays whose numbers are not read, by the arrays' names; only where a reader tolerates them.
    public private(set) var unread: [String: String] = [:]

    /// Creates contents.
    public init(arrays: [String: Array], metadata: [String: String] = [:]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    init(arrays: [String: Array], metadata: [String: String], unread: [String: String]) {
        self.init(arrays: arrays, metadata: metadata)
        self.unread = unread
    }
}

// MARK: Writing

extension SafeTensors {
    /// Writes the file atomically; the same contents give the same bytes.
    ///
    /// - Throws: `FileError`.
    public func write(
        to path: String, flush: DurableFile.Flush = .contentsAndName
    ) throws(FileError) {
        try DurableFile.write(encoded(), to: path, flush: flush)
    }

    /// The file's bytes.
    public func encoded() -> [UInt8] {
        // Names in order, larger elements first, as the format's own library writes them: everything stays aligned.
        let order = arrays.sorted { ($1.value.elementSize, $0.key) < ($0.value.elementSize, $1.key) }
        var header = "{"
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map {
                "\(Self.quoted($0.key)):\(Self.quoted($0.value))"
            }
            header += "\"__metadata__\":{\(pairs.joined(separator: ","))},"
        }
        var offset = 0
        header += order.map { name, array in
            let end = offset + array.byteCount
            defer { offset = end }
            let shape = array.shape.map(String.init).joined(separator: ",")
            let type = array.type
            return
                "\(Self.quoted(name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
        }.joined(separator: ",")
        if header.hasSuffix(",") { header.removeLast() }
        header += "}"
        while header.utf8.count % 8 != 0 { header += " " }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.utf8.count + offset)
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: header.utf8)
        for (_, array) in order {
            switch array.elements {
            case .float32(let values): values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            case .float64(let values): values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            case .int64(let values): values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            case .int32(let values): values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            }
        }
        return bytes
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension SafeTensors.Array {
    fileprivate var elementSize: Int {
        switch elements {
        case .float32, .int32: 4
        case .float64, .int64: 8
        }
    }

    fileprivate var type: String {
        switch elements {
        case .float32: "F32"
        case .float64: "F64"
        case .int64: "I64"
        case .int32: "I32"
        }
    }

    fileprivate var byteCount: Int { shape.reduce(1, *) * elementSize }
}
