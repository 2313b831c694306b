extension Tensor {
    /// The matrix product with another matrix.
    ///
    /// - Precondition: both have two dimensions, and the columns of the first are the rows of the second.
    public func times(_ other: Tensor) -> Tensor {
        let (m, k, n) = (shape[0], shape[1], other.shape[1])
        precondition(other.shape[0] == k, "a product of \(shape) and \(other.shape)")
        var result = Tensor(zeros: [m, n])
        guard m > 0, k > 0, n > 0 else { return result }
        result.values.withUnsafeMutableBufferPointer { c in
            values.withUnsafeBufferPointer { a in
                other.values.withUnsafeBufferPointer { b in
                    guard let c = c.baseAddress, let a = a.baseAddress, let b = b.baseAddress else { return }
                    product(into: c, a, b, m: m, n: n, k: k)
                }
            }
        }
        return result
    }
}
