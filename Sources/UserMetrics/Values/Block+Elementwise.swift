import Glibc

extension Block {
    /// The same function of every element.
    func mapped(_ double: (Double) -> Double, _ float: (Float) -> Float) -> Block {
        shape.isEmpty ? Block(double(number)) : Block(shape: shape, elements.map(float))
    }

    /// Two blocks combined element by element.
    ///
    /// - Precondition: The shapes fit.
    static func combined(_ a: Block, _ b: Block, with operation: Expression.Operator) -> Block {
        switch operation {
        case .plus: apply(a, b, +, +)
        case .minus: apply(a, b, -, -)
        case .times: apply(a, b, *, *)
        case .over: apply(a, b, /, /)
        case .power: power(a, b)
        case .less: apply(a, b, { $0 < $1 ? 1 : 0 }, { $0 < $1 ? 1 : 0 })
        case .lessOrEqual: apply(a, b, { $0 <= $1 ? 1 : 0 }, { $0 <= $1 ? 1 : 0 })
        case .greater: apply(a, b, { $0 > $1 ? 1 : 0 }, { $0 > $1 ? 1 : 0 })
        case .greaterOrEqual: apply(a, b, { $0 >= $1 ? 1 : 0 }, { $0 >= $1 ? 1 : 0 })
        case .equal: apply(a, b, { $0 == $1 ? 1 : 0 }, { $0 == $1 ? 1 : 0 })
        case .unequal: apply(a, b, { $0 != $1 ? 1 : 0 }, { $0 != $1 ? 1 : 0 })
        case .and: apply(a, b, { $0 != 0 && $1 != 0 ? 1 : 0 }, { $0 != 0 && $1 != 0 ? 1 : 0 })
        case .or: apply(a, b, { $0 != 0 || $1 != 0 ? 1 : 0 }, { $0 != 0 || $1 != 0 ? 1 : 0 })
        case .product: product(a, b)
        }
    }

    private static func power(_ a: Block, _ b: Block) -> Block {
        if b.shape.isEmpty, b.number == 2 { return a.mapped({ $0 * $0 }, { $0 * $0 }) }
        return apply(a, b, { pow($0, $1) }, { powf($0, $1) })
    }

    @inline(__always)
    private static func apply(
        _ a: Block, _ b: Block, _ double: (Double, Double) -> Double, _ float: (Float, Float) -> Float
    ) -> Block {
        switch (a.shape.isEmpty, b.shape.isEmpty) {
        case (true, true): return Block(double(a.number, b.number))
        case (true, false):
            let number = Float(a.number)
            return Block(shape: b.shape, b.elements.map { float(number, $0) })
        case (false, true):
            let number = Float(b.number)
            return Block(shape: a.shape, a.elements.map { float($0, number) })
        case (false, false) where a.shape == b.shape:
            let elements = [Float](unsafeUninitializedCapacity: a.elements.count) { buffer, count in
                for place in a.elements.indices { buffer[place] = float(a.elements[place], b.elements[place]) }
                count = a.elements.count
            }
            return Block(shape: a.shape, elements)
        default: return stretched(a, b, float)
        }
    }

    /// Blocks of different shapes, row by row of the result.
    @inline(__always)
    private static func stretched(_ a: Block, _ b: Block, _ float: (Float, Float) -> Float) -> Block {
        guard let shape = Shape.broadcast(a.shape, b.shape) else { return a }
        let (left, right) = (strides(of: a.shape, in: shape), strides(of: b.shape, in: shape))
        let width = shape[shape.count - 1]
        let (leftStep, rightStep) = (left[left.count - 1], right[right.count - 1])
        let elements = [Float](unsafeUninitializedCapacity: Shape.count(shape)) { buffer, count in
            forEachRow(of: shape) { row, index in
                let x = zip(left, index).reduce(0) { $0 + $1.0 * $1.1 }
                let y = zip(right, index).reduce(0) { $0 + $1.0 * $1.1 }
                for column in 0..<width {
                    buffer[row * width + column] = float(
                        a.elements[x + column * leftStep], b.elements[y + column * rightStep])
                }
            }
            count = Shape.count(shape)
        }
        return Block(shape: shape, elements)
    }

    /// How far apart neighbours are in each dimension of a larger shape; 0 if a block is stretched.
    private static func strides(of shape: [Int], in larger: [Int]) -> [Int] {
        var result = [Int](repeating: 0, count: larger.count)
        var stride = 1
        for place in shape.indices.reversed() {
            if shape[place] > 1 { result[place + larger.count - shape.count] = stride }
            stride *= shape[place]
        }
        return result
    }

    /// Visits the rows (all but the last dimension) of a shape in order.
    static func forEachRow(of shape: [Int], _ body: (Int, [Int]) -> Void) {
        var index = [Int](repeating: 0, count: shape.count)
        let rows = Shape.count(Array(shape.dropLast()))
        for row in 0..<rows {
            body(row, index)
            var place = shape.count - 2
            while place >= 0 {
                index[place] += 1
                if index[place] < shape[place] { break }
                index[place] = 0
                place -= 1
            }
        }
    }

    /// A matrix product: sums over the left side's last dimension, in order.
    private static func product(_ a: Block, _ b: Block) -> Block {
        let inner = b.shape[0]
        let columns = b.shape.count == 2 ? b.shape[1] : 1
        let rows = a.elements.count / max(inner, 1)
        let elements = [Float](unsafeUninitializedCapacity: rows * columns) { result, count in
            result.initialize(repeating: 0)
            a.elements.withUnsafeBufferPointer { left in
                b.elements.withUnsafeBufferPointer { right in
                    for row in 0..<rows {
                        for k in 0..<inner {
                            let factor = left[row * inner + k]
                            let (target, source) = (row * columns, k * columns)
                            for column in 0..<columns {
                                result[target + column] += factor * right[source + column]
                            }
                        }
                    }
                }
            }
            count = rows * columns
        }
        let shape = Array(a.shape.dropLast()) + b.shape.dropFirst()
        return Block(shape: shape, elements)
    }
}
