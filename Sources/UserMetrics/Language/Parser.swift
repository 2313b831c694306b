/// Reads expressions: numpy's notation and Python's precedence.
struct Parser {
    /// A longer text is not a formula.
    static let characterLimit = 2000
    private static let depthLimit = 60

    private let tokens: [ExpressionToken]
    private var next = 0
    private var depth = 0
    private let hasModuleVariable: Bool

    private init(_ tokens: [ExpressionToken], hasModuleVariable: Bool) {
        self.tokens = tokens
        self.hasModuleVariable = hasModuleVariable
    }

    /// Reads a whole text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - hasModuleVariable: Whether `m` stands for a module.
    /// - Returns: The formula.
    /// - Throws: the first mistake.
    static func parse(_ text: String, hasModuleVariable: Bool) throws(ExpressionError) -> Expression {
        guard text.count <= characterLimit else {
            throw ExpressionError("is longer than \(characterLimit) characters", at: characterLimit)
        }
        var parser = Parser(try Lexer.tokens(of: text), hasModuleVariable: hasModuleVariable)
        guard parser.token.kind != .end else { throw ExpressionError("is empty", at: 0) }
        let expression = try parser.either()
        guard parser.token.kind == .end else { throw parser.unexpected("an operator or the end") }
        return expression
    }

    private var token: ExpressionToken { tokens[next] }

    private func isSign(_ sign: String) -> Bool { token.kind == .sign(sign) }

    private mutating func skip(_ sign: String) -> Bool {
        guard isSign(sign) else { return false }
        next += 1
        return true
    }

    private mutating func skipName(_ name: String) -> Bool {
        guard token.kind == .name(name) else { return false }
        next += 1
        return true
    }

    private mutating func expect(_ sign: String) throws(ExpressionError) {
        guard skip(sign) else { throw unexpected("'\(sign)'") }
    }

    private func unexpected(_ expected: String) -> ExpressionError {
        if isSign("=") { return ExpressionError("found '=', expected \(expected); equality is ==", at: token.offset) }
        return ExpressionError("found \(token.words), expected \(expected)", at: token.offset)
    }

    /// Counts one more level; hostile texts must not use up the stack.
    private mutating func deeper(_ body: (inout Parser) throws(ExpressionError) -> Expression) throws(ExpressionError)
        -> Expression
    {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else {
            throw ExpressionError("is nested more than \(Self.depthLimit) deep", at: token.offset)
        }
        return try body(&self)
    }

    /// Chains of one operator are nested as deeply as they are long.
    private static let chainLimit = 60

    private mutating func chain(
        _ operators: [Expression.Operator], of operand: (inout Parser) throws(ExpressionError) -> Expression
    ) throws(ExpressionError) -> Expression {
        var left = try operand(&self)
        var length = 0
        while let found = operators.first(where: { isOperator($0) }) {
            let offset = token.offset
            length += 1
            guard length <= Self.chainLimit else {
                throw ExpressionError("has more than \(Self.chainLimit) operands in a row", at: offset)
            }
            next += 1
            left = .binary(found, left, try operand(&self), offset: offset)
        }
        return left
    }

    private func isOperator(_ candidate: Expression.Operator) -> Bool {
        token.kind == .sign(candidate.rawValue) || token.kind == .name(candidate.rawValue)
    }

    private mutating func either() throws(ExpressionError) -> Expression {
        try deeper { (parser) throws(ExpressionError) in
            try parser.chain([.or]) { (parser) throws(ExpressionError) in
                try parser.chain([.and]) { (parser) throws(ExpressionError) in try parser.negation() }
            }
        }
    }

    private mutating func negation() throws(ExpressionError) -> Expression {
        guard skipName("not") else { return try comparison() }
        return .not(try deeper { (parser) throws(ExpressionError) in try parser.negation() })
    }

    private static let comparisons: [Expression.Operator] = [
        .lessOrEqual, .greaterOrEqual, .less, .greater, .equal, .unequal,
    ]

    private mutating func comparison() throws(ExpressionError) -> Expression {
        let left = try sum()
        guard let found = Self.comparisons.first(where: { isOperator($0) }) else { return left }
        let offset = token.offset
        next += 1
        let right = try sum()
        if Self.comparisons.contains(where: { isOperator($0) }) {
            throw ExpressionError("comparisons do not chain; write 'a < x and x < b'", at: token.offset)
        }
        return .binary(found, left, right, offset: offset)
    }

    private mutating func sum() throws(ExpressionError) -> Expression {
        try chain([.plus, .minus]) { (parser) throws(ExpressionError) in
            try parser.chain([.times, .over, .product]) { (parser) throws(ExpressionError) in try parser.signed() }
        }
    }

    private mutating func signed() throws(ExpressionError) -> Expression {
        if skip("-") { return .negative(try deeper { (parser) throws(ExpressionError) in try parser.signed() }) }
        if skip("+") { return try deeper { (parser) throws(ExpressionError) in try parser.signed() } }
        let base = try postfix()
        guard isOperator(.power) else { return base }
        let offset = token.offset
        next += 1
        return .binary(
            .power, base, try deeper { (parser) throws(ExpressionError) in try parser.signed() }, offset: offset)
    }

    private mutating func postfix() throws(ExpressionError) -> Expression {
        var result = try atom()
        var count = 0
        while true {
            let offset = token.offset
            count += 1
            guard count <= 20 else { throw ExpressionError("has more than 20 indices in a row", at: offset) }
            if skip("[") {
                result = .indexed(result, try subscripts(), offset: offset)
            } else if skip(".") {
                guard case .name(let name) = token.kind else { throw unexpected("T, or a function's name") }
                let place = token.offset
                next += 1
                if name == "T" {
                    result = .transposed(result, offset: place)
                } else {
                    result = try call(name, at: place, receiver: result)
                }
            } else {
                return result
            }
        }
    }

    private mutating func atom() throws(ExpressionError) -> Expression {
        let token = token
        switch token.kind {
        case .number(let value, _):
            next += 1
            return .number(value)
        case .sign("("):
            next += 1
            let inner = try either()
            if isSign(",") { throw ExpressionError("a tuple means nothing here", at: self.token.offset) }
            try expect(")")
            return inner
        case .name(let name):
            next += 1
            return try named(name, at: token.offset)
        default:
            throw unexpected("a number, a name or '('")
        }
    }

    /// Everything that a name may be.
    static let names =
        Quantity.allCases.map(\.rawValue) + ModuleQuantity.allCases.map(\.rawValue)
        + Expression.Function.allCases.map(\.rawValue)

    private mutating func named(_ name: String, at offset: Int) throws(ExpressionError) -> Expression {
        if isSign("(") { return try call(name, at: offset, receiver: nil) }
        if let quantity = Quantity(rawValue: name) { return .quantity(quantity, offset: offset) }
        if let quantity = ModuleQuantity(rawValue: name) {
            let place = next + 1 < tokens.count ? tokens[next + 1].offset : offset
            return .ofModule(quantity, try module(of: name), offset: place)
        }
        if Expression.Function(rawValue: name) != nil {
            throw ExpressionError("\(name) is a function; write \(name)(…)", at: offset)
        }
        if name == "m" {
            let advice = hasModuleVariable ? "stands in brackets only, as in ci[m]" : "needs 'for: \"*\"' beside 'is'"
            throw ExpressionError("m, a module's name, \(advice)", at: offset)
        }
        throw ExpressionError("unknown name '\(name)'", at: offset, strangeName: name, known: Self.names)
    }

    private mutating func module(of quantity: String) throws(ExpressionError) -> ModuleReference {
        guard skip("[") else {
            throw ExpressionError("\(quantity) is kept per module; write \(quantity)['linear1']", at: token.offset)
        }
        let reference: ModuleReference
        switch token.kind {
        case .text(let name): reference = .named(name)
        case .name("m") where hasModuleVariable: reference = .current
        case .name(let name):
            let advice =
                name == "m" ? "m needs 'for: \"*\"' beside 'is'" : "a module's name needs quotes: '\(name)'"
            throw ExpressionError(advice, at: token.offset)
        default: throw unexpected("a module's name in quotes" + (hasModuleVariable ? ", or m" : ""))
        }
        next += 1
        try expect("]")
        return reference
    }
}

// Indices and calls.
extension Parser {
    private mutating func subscripts() throws(ExpressionError) -> [Expression.Subscript] {
        var result: [Expression.Subscript] = []
        repeat {
            guard result.count < 16 else { throw ExpressionError("has too many indices", at: token.offset) }
            if skip("...") {
                guard !result.contains(.rest) else { throw ExpressionError("'...' stands twice", at: token.offset) }
                result.append(.rest)
            } else if skipName("None") {
                result.append(.newDimension)
            } else {
                result.append(try slice())
            }
        } while skip(",")
        try expect("]")
        return result
    }

    private mutating func slice() throws(ExpressionError) -> Expression.Subscript {
        let offset = token.offset
        let from = try wholeNumber()
        guard skip(":") else {
            guard let from else { throw unexpected("a whole number, ':', None or '...'") }
            return .at(from)
        }
        let to = try wholeNumber()
        let by = skip(":") ? try wholeNumber() ?? 1 : 1
        guard by != 0 else { throw ExpressionError("a slice's step must not be 0", at: offset) }
        return .slice(from: from, to: to, by: by)
    }

    private mutating func wholeNumber() throws(ExpressionError) -> Int? {
        let isNegative = skip("-")
        guard case .number(let value, let isWhole) = token.kind else {
            if isNegative { throw unexpected("a whole number") }
            return nil
        }
        guard isWhole else { throw unexpected("a whole number") }
        next += 1
        return isNegative ? -Int(value) : Int(value)
    }

    private mutating func call(
        _ name: String, at offset: Int, receiver: Expression?
    ) throws(ExpressionError) -> Expression {
        guard let function = Expression.Function(rawValue: name) else {
            throw ExpressionError(
                "unknown function '\(name)'", at: offset, strangeName: name,
                known: Expression.Function.allCases.map(\.rawValue))
        }
        try expect("(")
        var argument = receiver
        if argument == nil {
            guard !isSign(")") else { throw ExpressionError("\(name) needs an argument", at: token.offset) }
            argument = try either()
            if !isSign(")") { try expect(",") }
        }
        guard let argument else { throw unexpected("an argument") }
        var options = Expression.Options()
        var given: Set<String> = []
        while !isSign(")") {
            let place = token.offset
            let option = try optionName(of: function, position: given.count)
            guard given.insert(option).inserted else { throw ExpressionError("\(option) stands twice", at: place) }
            try read(option, into: &options)
            if !isSign(")") { try expect(",") }
        }
        next += 1
        if function == .quantile, !given.contains("q") {
            throw ExpressionError("quantile needs q, as in quantile(x, 0.9)", at: offset)
        }
        if function == .sort, options.dimensions == nil { options.dimensions = [-1] }
        if [.sort, .argmax].contains(function), (options.dimensions?.count ?? 1) > 1 {
            throw ExpressionError("\(name) takes one dim", at: offset)
        }
        return .call(function, argument, options, offset: offset)
    }

    private static let otherSpellings = ["axis": "dim", "keepdims": "keepdim"]

    /// Which option comes next, by its name or by its position.
    private mutating func optionName(
        of function: Expression.Function, position: Int
    ) throws(ExpressionError) -> String {
        let known = function.options
        if case .name(let name) = token.kind, tokens[next + 1].kind == .sign("=") {
            let meant = Self.otherSpellings[name] ?? name
            guard known.contains(meant) else {
                let takes = known.isEmpty ? "one argument only" : known.joined(separator: ", ")
                throw ExpressionError(
                    "\(function.rawValue) has no '\(name)'; it takes \(takes)", at: token.offset, strangeName: name,
                    known: known)
            }
            next += 2
            return meant
        }
        guard position < known.count else {
            let takes = known.isEmpty ? "one argument" : "no more than \(known.joined(separator: ", ")) beside it"
            throw ExpressionError("\(function.rawValue) takes \(takes)", at: token.offset)
        }
        return known[position]
    }

    private mutating func read(_ option: String, into options: inout Expression.Options) throws(ExpressionError) {
        let offset = token.offset
        switch option {
        case "dim":
            if skipName("None") { return }
            options.dimensions = try numbers().map { (value) throws(ExpressionError) in
                guard value == value.rounded(), abs(value) < 100 else {
                    throw ExpressionError("dim takes whole numbers", at: offset)
                }
                return Int(value)
            }
        case "keepdim":
            if skipName("True") {
                options.keepsDimensions = true
            } else if !skipName("False") {
                throw unexpected("True or False")
            }
        case "q":
            guard let q = try numbers().first, (0...1).contains(q) else {
                throw ExpressionError("q is a number from 0 to 1", at: offset)
            }
            options.quantile = q
        case "bins":
            guard let bins = try numbers().first, bins == bins.rounded(), (1...512).contains(bins) else {
                throw ExpressionError("bins is a whole number from 1 to 512", at: offset)
            }
            options.bins = Int(bins)
        default:
            let bounds = try numbers()
            guard bounds.count == 2, bounds[0] < bounds[1] else {
                throw ExpressionError("range is a pair of numbers, as in range=(0, 1)", at: offset)
            }
            options.range = bounds[0]...bounds[1]
        }
    }

    /// A number, or several in round or square brackets.
    private mutating func numbers() throws(ExpressionError) -> [Double] {
        let closing = skip("(") ? ")" : skip("[") ? "]" : nil
        guard let closing else { return [try signedNumber()] }
        var result = [try signedNumber()]
        while skip(",") {
            if isSign(closing) { break }
            guard result.count < 16 else { throw ExpressionError("has too many numbers", at: token.offset) }
            result.append(try signedNumber())
        }
        try expect(closing)
        return result
    }

    private mutating func signedNumber() throws(ExpressionError) -> Double {
        let isNegative = skip("-")
        guard case .number(let value, _) = token.kind else { throw unexpected("a number") }
        next += 1
        return isNegative ? -value : value
    }
}
