/// The storages that a state dict can refer to, by their class in PyTorch.
enum TorchStorageType: String {
    case float32 = "FloatStorage"
    case float64 = "DoubleStorage"
    case float16 = "HalfStorage"
    case bfloat16 = "BFloat16Storage"
    case int64 = "LongStorage"
    case int32 = "IntStorage"
    case int16 = "ShortStorage"
    case int8 = "CharStorage"
    case uint8 = "ByteStorage"
    case bool = "BoolStorage"
    case complex64 = "ComplexFloatStorage"
    case complex128 = "ComplexDoubleStorage"

    /// How many bytes each of its numbers takes.
    var bytesPerNumber: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .float16, .bfloat16, .int16: 2
        case .float32, .int32: 4
        case .float64, .int64, .complex64: 8
        case .complex128: 16
        }
    }

    /// Whether its numbers are read.
    var isFloat: Bool {
        switch self {
        case .float32, .float64, .float16, .bfloat16: true
        default: false
        }
    }
}

/// A run of numbers in an entry of the archive.
struct TorchStorage {
    let type: TorchStorageType
    /// The entry's name below `data/`.
    let key: String
    /// How many numbers it holds.
    let count: Int
}

/// A view of a storage: number [i, j, …] is the storage's at offset + i stride₀ + j stride₁ + ….
struct TorchTensor {
    let storage: TorchStorage
    let offset: Int
    let shape: [Int]
    let strides: [Int]

    /// As many as PyTorch allows.
    static let mostDimensions = 64

    /// How many numbers the tensor has, once all are found to lie in the storage.
    func count(name: String, limit: Int) throws(TorchFile.Fault) -> Int {
        let fault = TorchFile.Fault.damaged(
            "\(readable(name)) has a shape or strides that do not fit its storage of \(storage.count) numbers")
        guard shape.count == strides.count, offset >= 0, shape.allSatisfy({ $0 >= 0 }),
            strides.allSatisfy({ $0 >= 0 })
        else { throw fault }
        guard !shape.contains(0) else { return 0 }
        var (count, last) = (1, offset)
        for (extent, stride) in zip(shape, strides) {
            let (product, isTooMany) = count.multipliedReportingOverflow(by: extent)
            let (step, isTooFar) = stride.multipliedReportingOverflow(by: extent - 1)
            let (sum, isPastEverything) = last.addingReportingOverflow(step)
            guard !isTooFar, !isPastEverything else { throw fault }
            guard !isTooMany, product <= limit else {
                throw .unsuitable("\(readable(name)) has over \(limit) numbers, far more than the file's bytes hold")
            }
            (count, last) = (product, sum)
        }
        guard last < storage.count else { throw fault }
        return count
    }

    /// The numbers in row-major order; `count` has been found to be right.
    func values(in bytes: ArraySlice<UInt8>, name: String) throws(TorchFile.Fault) -> [Float] {
        switch storage.type {
        case .float32: try gather(bytes, name) { Float(bitPattern: UInt32(littleEndian: $0)) }
        case .float64: try gather(bytes, name) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
        case .float16: try gather(bytes, name) { SafeTensors.half(UInt16(littleEndian: $0)) }
        case .bfloat16: try gather(bytes, name) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
        default:
            throw .unsuitable(
                "\(readable(name)) is of type torch.\(storage.type); "
                    + "only float32, float64, float16 and bfloat16 tensors are read")
        }
    }

    private func gather<Bits: FixedWidthInteger>(
        _ bytes: ArraySlice<UInt8>, _ name: String, _ number: (Bits) -> Float
    ) throws(TorchFile.Fault) -> [Float] {
        let size = MemoryLayout<Bits>.size
        let (expected, isTooLarge) = storage.count.multipliedReportingOverflow(by: size)
        guard !isTooLarge, bytes.count == expected else {
            throw .damaged(
                "the storage of \(readable(name)) should hold \(storage.count) numbers of \(size) bytes, "
                    + "but is \(bytes.count) bytes long")
        }
        guard !shape.contains(0) else { return [] }
        return bytes.withUnsafeBytes { buffer in
            var values: [Float] = []
            values.reserveCapacity(shape.reduce(1, *))
            var index = [Int](repeating: 0, count: shape.count)
            var place = offset
            while true {
                values.append(number(buffer.loadUnaligned(fromByteOffset: place * size, as: Bits.self)))
                // Counts the index up, the innermost dimension first.
                var dimension = shape.count - 1
                while dimension >= 0, index[dimension] == shape[dimension] - 1 {
                    place -= index[dimension] * strides[dimension]
                    index[dimension] = 0
                    dimension -= 1
                }
                guard dimension >= 0 else { return values }
                index[dimension] += 1
                place += strides[dimension]
            }
        }
    }
}
