/// Users' metrics, checked against what a run offers and ready to be computed.
public struct MetricProgram: Sendable {
    /// A metric's value at a step.
    public enum Value: Sendable, Equatable {
        /// A number; one that is not finite is missing.
        case number(Double)
        /// How many values are between neighbouring edges.
        case histogram(edges: [Double], counts: [Double])
    }

    private struct Entry: Sendable {
        let name: String
        let expression: Expression
        let module: String?

        /// Whether it gives a histogram instead of a number.
        var isHistogram: Bool { if case .call(.histogram, _, _, _) = expression { true } else { false } }
    }

    private let entries: [Entry]
    /// The tensors that are read.
    public let needs: Set<Need>
    /// About how many operations a row takes.
    public let operations: Double
    /// About how many bytes values on the way take at most.
    public let bytes: Int

    /// The names of the numbers, in the order of a row, behind `user/`.
    public var names: [String] { entries.filter { !$0.isHistogram }.map(\.name) }

    /// Checks metrics.
    ///
    /// - Parameters:
    ///   - metrics: The metrics.
    ///   - scope: What the run offers.
    ///   - report: Hears what is wrong with which metric, by its name as it is written.
    public init(_ metrics: [UserMetric], scope: Scope, report: (_ name: String, ExpressionError) -> Void) {
        var entries: [Entry] = []
        var (needs, operations, largest): (Set<Need>, Double, Int) = ([], 0, 0)
        var owners: [String: String] = [:]
        for metric in metrics {
            do throws(ExpressionError) {
                let before = operations
                for module in try scope.modules(matching: metric.pattern) {
                    var check = ShapeCheck(scope: scope, module: module)
                    let shape = try check.shape(of: metric.expression)
                    let name = module.map { metric.name.replacing(UserMetric.placeholder, with: $0) } ?? metric.name
                    let entry = Entry(name: name, expression: metric.expression, module: module)
                    guard shape.isEmpty || entry.isHistogram else {
                        throw ExpressionError(
                            "gives \(Shape.words(shape)), expected one number, as of mean(…), or histogram(…)", at: 0)
                    }
                    if let owner = owners.updateValue(metric.name, forKey: name) {
                        throw ExpressionError("gives \(name), and so does \(owner)", at: 0)
                    }
                    entries.append(entry)
                    needs.formUnion(check.needs)
                    operations += check.operations
                    largest = max(largest, check.largest)
                }
                if operations > scope.budget, before <= scope.budget {
                    throw Self.tooDear(operations - before, before, scope.budget)
                }
            } catch {
                report(metric.name, error)
            }
        }
        self.entries = entries
        self.needs = needs
        self.operations = operations
        // A value, what it is made of and what is made of it.
        bytes = 3 * largest * MemoryLayout<Float>.stride
    }

    private static func tooDear(_ cost: Double, _ others: Double, _ budget: Double) -> ExpressionError {
        func words(_ count: Double) -> String {
            count < 1e6 ? "\(Int((count / 1e3).rounded(.up)))e3" : "\(Int((count / 1e6).rounded(.up)))e6"
        }
        let beside = others > 0 ? " beside the \(words(others)) of the ones before" : ""
        return ExpressionError(
            "takes about \(words(cost)) operations a row\(beside), and a row's own steps about \(words(budget)); "
                + "take a slice of the rows, as in ci['m'][:256], or raise print_freq", at: 0)
    }

    /// Computes the metrics of a step.
    ///
    /// - Returns: Every metric's name behind `user/` and its value, in the order of the config.
    /// - Throws: nothing in practice: what is computed was checked.
    public func values(of source: any TensorSource) throws -> [(name: String, value: Value)] {
        try entries.map { entry in
            let evaluation = Evaluation(source: source, module: entry.module)
            if case .call(.histogram, let argument, let options, _) = entry.expression {
                let histogram = try evaluation.value(of: argument).histogram(options)
                return (entry.name, .histogram(edges: histogram.edges, counts: histogram.counts))
            }
            return (entry.name, .number(try evaluation.value(of: entry.expression).number))
        }
    }
}
