/// A named quantity's shape and its single-precision elements in row-major order.
public struct Tensor: Equatable, Sendable {
    /// The extents, outermost first; empty for a scalar.
    public let shape: [Int]

    /// The elements, the last index varying fastest.
    public var values: [Float]

    /// Creates a tensor from elements in row-major order.
    ///
    /// - Precondition: `values.count` is the product of `shape`.
    public init(shape: [Int], values: [Float]) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) elements for shape \(shape)")
        self.shape = shape
        self.values = values
    }

    /// Creates a tensor of zeros.
    public init(zeros shape: [Int]) {
        self.init(shape: shape, values: Array(repeating: 0, count: shape.reduce(1, *)))
    }

    /// The matrix with rows and columns exchanged.
    ///
    /// - Precondition: the tensor has two dimensions.
    public var transposed: Tensor {
        let (rows, columns) = (shape[0], shape[1])
        var result = Tensor(zeros: [columns, rows])
        for row in 0..<rows {
            for column in 0..<columns {
                result.values[column * rows + row] = values[row * columns + column]
            }
        }
        return result
    }
}

/// Tensors by their names in a PyTorch state dict.
public typealias StateDict = [String: Tensor]
