import Glibc

/// The tensors that a run offers to expressions, and their shapes.
public struct Scope: Sendable, Equatable {
    /// A decomposed module.
    public struct Module: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// The shape of its causal importances.
        public let importances: [Int]
        /// V (d_in, C).
        public let v: [Int]
        /// U (C, d_out).
        public let u: [Int]
        /// (d_out, d_in); of an embedding (vocabulary, d).
        public let weight: [Int]

        /// Describes a module.
        ///
        /// - Parameters:
        ///   - name: Its name.
        ///   - rows: The extents of its causal importances before C.
        ///   - subcomponents: C.
        ///   - inputs: d_in.
        ///   - outputs: d_out.
        ///   - isEmbedding: Whether its weight has a row for each input.
        public init(name: String, rows: [Int], subcomponents: Int, inputs: Int, outputs: Int, isEmbedding: Bool) {
            self.name = name
            importances = rows + [subcomponents]
            v = [inputs, subcomponents]
            u = [subcomponents, outputs]
            weight = isEmbedding ? [inputs, outputs] : [outputs, inputs]
        }
    }

    /// The decomposed modules, in the order of a forward pass.
    public let modules: [Module]
    /// The shapes of what there is one of.
    public let quantities: [Quantity: [Int]]
    /// Why something is not there.
    public let refusals: [Quantity: String]
    /// How many operations the expressions of one logged row may take together.
    public let budget: Double

    /// Describes what a run offers.
    public init(modules: [Module], quantities: [Quantity: [Int]], refusals: [Quantity: String], budget: Double) {
        self.modules = modules
        self.quantities = quantities
        self.refusals = refusals
        self.budget = budget
    }

    func shape(of quantity: Quantity, at offset: Int) throws(ExpressionError) -> [Int] {
        if quantity == .step { return [] }
        if let shape = quantities[quantity] { return shape }
        let reason = refusals[quantity] ?? "is not there for this kind of target"
        throw ExpressionError("\(quantity.rawValue) \(reason)", at: offset)
    }

    /// The names of the modules that a pattern names; one nil if there is no pattern.
    func modules(matching pattern: String?) throws(ExpressionError) -> [String?] {
        guard let pattern else { return [nil] }
        let names = modules.map(\.name)
        let found = names.filter { fnmatch(pattern, $0, FNM_NOESCAPE) == 0 }
        guard !found.isEmpty else {
            throw ExpressionError(
                "for: '\(pattern)' matches no decomposed module; there are \(names.joined(separator: ", "))", at: 0)
        }
        return found
    }

    func module(_ name: String, at offset: Int) throws(ExpressionError) -> Module {
        if let module = modules.first(where: { $0.name == name }) { return module }
        let names = modules.map(\.name)
        throw ExpressionError(
            "no decomposed module '\(name)'", at: offset, strangeName: name, known: names)
    }
}

extension Scope.Module {
    func shape(of quantity: ModuleQuantity) -> [Int] {
        switch quantity {
        case .ci, .ciUpper: importances
        case .V: v
        case .U: u
        case .W: weight
        }
    }
}
