/// A number, or an array of single-precision numbers in row-major order.
public struct Block: Sendable, Equatable {
    /// The extents, outermost first; empty for one number.
    public let shape: [Int]
    /// One number in double precision.
    let number: Double
    /// An array's elements.
    let elements: [Float]

    /// One number.
    public init(_ number: Double) {
        shape = []
        self.number = number
        elements = []
    }

    /// An array.
    ///
    /// - Precondition: `elements.count` is the product of `shape`.
    public init(shape: [Int], _ elements: [Float]) {
        precondition(elements.count == Shape.count(shape), "\(elements.count) elements for \(shape)")
        self.shape = shape
        self.elements = shape.isEmpty ? [] : elements
        number = shape.isEmpty ? Double(elements[0]) : 0
    }

    /// All elements.
    public var values: [Float] { shape.isEmpty ? [Float(number)] : elements }
}
