import Glibc

/// What a step's tensors are when an expression is computed.
public protocol TensorSource {
    /// A tensor that there is one of, or the step's number.
    func value(of quantity: Quantity) -> Block?
    /// A module's tensor.
    func value(of quantity: ModuleQuantity, in module: String) -> Block?
}

/// Computes expressions whose shapes were checked.
struct Evaluation {
    let source: any TensorSource
    let module: String?

    /// A value was missing that the check had found.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    func value(of expression: Expression) throws -> Block {
        switch expression {
        case .number(let number): return Block(number)
        case .quantity(let quantity, _):
            guard let value = source.value(of: quantity) else { throw Missing(description: quantity.rawValue) }
            return value
        case .ofModule(let quantity, let reference, _):
            let name = if case .named(let name) = reference { name } else { module ?? "" }
            guard let value = source.value(of: quantity, in: name) else {
                throw Missing(description: "\(quantity.rawValue)['\(name)']")
            }
            return value
        case .negative(let inner): return try value(of: inner).mapped({ -$0 }, { -$0 })
        case .not(let inner): return try value(of: inner).mapped({ $0 == 0 ? 1 : 0 }, { $0 == 0 ? 1 : 0 })
        case .binary(let operation, let left, let right, _):
            return Block.combined(try value(of: left), try value(of: right), with: operation)
        case .transposed(let inner, _): return try value(of: inner).permuted([1, 0])
        case .indexed(let inner, let subscripts, let offset):
            let block = try value(of: inner)
            let cuts = try Shape.cuts(subscripts, of: block.shape, at: offset)
            return block.shape.isEmpty
                ? Block(shape: cuts.map(\.count), block.values) : block.taking(cuts)
        case .call(let function, let argument, let options, _):
            return call(function, try value(of: argument), options)
        }
    }

    private func call(_ function: Expression.Function, _ block: Block, _ options: Expression.Options) -> Block {
        switch function {
        case .abs: return block.mapped({ Swift.abs($0) }, { Swift.abs($0) })
        case .exp: return block.mapped({ Glibc.exp($0) }, { expf($0) })
        case .log: return block.mapped({ Glibc.log($0) }, { logf($0) })
        case .sqrt: return block.mapped({ $0.squareRoot() }, { $0.squareRoot() })
        case .histogram: return Block(shape: [options.bins], block.histogram(options).counts.map { Float($0) })
        default:
            let places = Shape.places(block.shape.isEmpty ? nil : options.dimensions, of: block.shape) ?? []
            return function == .sort
                ? block.sorted(along: places.first ?? 0) : block.reduced(function, places, options)
        }
    }
}
