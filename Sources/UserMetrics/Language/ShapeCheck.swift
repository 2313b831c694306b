/// Finds the shape of an expression, and what it costs, without computing it.
struct ShapeCheck {
    let scope: Scope
    /// The module that `m` stands for.
    let module: String?
    /// About how many operations computing it takes.
    private(set) var operations = 0.0
    /// The most elements that any value on the way has.
    private(set) var largest = 0
    /// What is read.
    private(set) var needs: Set<Need> = []

    init(scope: Scope, module: String?) {
        self.scope = scope
        self.module = module
    }

    /// The most elements that a value may have.
    static let elementLimit = 1 << 26

    /// The shape of an expression's value.
    ///
    /// - Throws: shapes that do not fit, what is not there, a value that is too large.
    mutating func shape(of expression: Expression) throws(ExpressionError) -> [Int] {
        switch expression {
        case .number: return []
        case .quantity(let quantity, let offset):
            if quantity != .step { needs.insert(.one(quantity)) }
            return try noted(try scope.shape(of: quantity, at: offset), cost: 0, at: offset)
        case .ofModule(let quantity, let reference, let offset):
            let found = try scope.module(try name(of: reference, at: offset), at: offset)
            needs.insert(.ofModule(quantity, found.name))
            return try noted(found.shape(of: quantity), cost: 0, at: offset)
        case .negative(let inner), .not(let inner):
            let shape = try shape(of: inner)
            operations += Double(Shape.count(shape))
            return shape
        case .binary(.product, let left, let right, let offset): return try product(left, right, offset)
        case .binary(let operation, let left, let right, let offset):
            let (a, b) = (try shape(of: left), try shape(of: right))
            guard let result = Shape.broadcast(a, b) else {
                throw ExpressionError(
                    "\(operation.rawValue) does not fit \(Shape.words(a)) and \(Shape.words(b))", at: offset)
            }
            let isCheap = operation != .power
            return try noted(result, cost: isCheap ? 1 : 10, at: offset)
        case .transposed(let inner, let offset):
            let shape = try shape(of: inner)
            guard shape.count == 2 else {
                throw ExpressionError(".T takes a matrix, found \(Shape.words(shape))", at: offset)
            }
            return try noted(shape.reversed(), cost: 2, at: offset)
        case .indexed(let inner, let subscripts, let offset):
            let shape = try shape(of: inner)
            let cuts = try Shape.cuts(subscripts, of: shape, at: offset)
            return try noted(cuts.filter(\.stays).map(\.count), cost: 2, at: offset)
        case .call(let function, let argument, let options, let offset):
            return try call(function, try shape(of: argument), options, offset)
        }
    }

    func name(of reference: ModuleReference, at offset: Int) throws(ExpressionError) -> String {
        switch reference {
        case .named(let name): return name
        case .current:
            guard let module else { throw ExpressionError("m stands for no module", at: offset) }
            return module
        }
    }

    private mutating func product(_ left: Expression, _ right: Expression, _ offset: Int) throws(ExpressionError)
        -> [Int]
    {
        let (a, b) = (try shape(of: left), try shape(of: right))
        guard let result = Shape.product(a, b) else {
            throw ExpressionError("@ does not fit \(Shape.words(a)) and \(Shape.words(b))", at: offset)
        }
        operations += Double(Shape.count(result)) * Double(b[0])
        return try noted(result, cost: 1, at: offset)
    }

    private mutating func call(
        _ function: Expression.Function, _ shape: [Int], _ options: Expression.Options, _ offset: Int
    ) throws(ExpressionError) -> [Int] {
        let count = Double(Shape.count(shape))
        switch function {
        case _ where function.isElementwise:
            operations += 9 * count
            return try noted(shape, cost: 1, at: offset)
        case .histogram:
            operations += 5 * count
            return [options.bins]
        default: break
        }
        guard let places = Shape.places(shape.isEmpty ? nil : options.dimensions, of: shape) else {
            let dimensions = (options.dimensions ?? []).map(String.init).joined(separator: ", ")
            throw ExpressionError("\(Shape.words(shape)) has no dim \(dimensions)", at: offset)
        }
        let lane = places.reduce(1.0) { $0 * Double(shape[$1]) }
        let isSorting = [.sort, .quantile].contains(function)
        operations += count * (isSorting ? 4 * max(1, lane).exponentBits : 2)
        if function == .sort { return try noted(shape, cost: 1, at: offset) }
        return Shape.reduced(shape, places, keeps: options.keepsDimensions)
    }

    private mutating func noted(_ shape: [Int], cost: Double, at offset: Int) throws(ExpressionError) -> [Int] {
        let count = shape.reduce(1.0) { $0 * Double($1) }
        guard count <= Double(Self.elementLimit) else {
            throw ExpressionError("\(Shape.words(shape)) has more than \(Self.elementLimit) elements", at: offset)
        }
        largest = max(largest, Int(count))
        operations += cost * count
        return shape
    }
}

/// A tensor that is read.
public enum Need: Sendable, Hashable {
    /// One that there is one of.
    case one(Quantity)
    /// One of a module's.
    case ofModule(ModuleQuantity, String)
}

extension Double {
    /// About the logarithm to the base of two, at least one.
    fileprivate var exponentBits: Double { Double(Swift.max(1, exponent + 1)) }
}
