/// A figure of their own that users have drawn: a drawing, and expressions for its parts.
public struct UserFigure: Sendable, Hashable {
    /// What is drawn.
    public enum Drawing: String, Sendable, CaseIterable {
        /// A matrix as coloured cells.
        case heatmap
        /// How many values are in each bar.
        case histogram
        /// A line, or one for each row of a matrix.
        case lines
        /// Points.
        case scatter
        /// Numbers in rows and columns.
        case table
    }

    /// Its name behind `user/`.
    public var name = ""
    /// The modules that there is a panel for; nil for one panel.
    public var pattern: String?
    /// What is drawn.
    public var drawing = Drawing.heatmap
    /// What is shown.
    public var value = ""
    /// The x values of lines and points; nil for 0, 1, 2 ….
    public var x: String?
    /// What a row is, or the vertical axis.
    public var rows = ""
    /// What a column is, or the horizontal axis.
    public var columns = ""
    /// Whether a heat map's colours are centred on zero.
    public var isSymmetric = false
    /// Whether the vertical axis is logarithmic.
    public var isLogarithmic = false
    /// The bars of a histogram.
    public var bins = 50

    /// A figure that shows nothing yet.
    public init() {}

    /// Why its expressions are not formulas: the key to blame, the error and the text.
    public var mistakes: [(key: String, error: ExpressionError, text: String)] {
        [(drawing.rawValue, value), ("x", x)].compactMap { key, text in
            guard let text else { return nil }
            do throws(ExpressionError) {
                _ = try Parser.parse(text, hasModuleVariable: pattern != nil)
                return nil
            } catch {
                return (key, error, text)
            }
        }
    }
}

/// Users' figures, checked against what a run offers and ready to be computed.
public struct FigureProgram: Sendable {
    /// What a panel shows.
    public struct Panel: Sendable {
        /// The module that it is of; empty for none.
        public let title: String
        /// What is shown.
        public let value: Block
        /// Its x values.
        public let x: Block?
    }

    private struct Part: Sendable {
        let module: String?
        let value: Expression
        let x: Expression?
    }

    private let entries: [(figure: UserFigure, parts: [Part])]
    /// The tensors that are read.
    public let needs: Set<Need>

    /// More cells than this nobody can see.
    private static let cellLimit = 1 << 20
    private static let tableLimit = 200

    /// Checks figures.
    ///
    /// - Parameters:
    ///   - figures: The figures.
    ///   - scope: What the run offers.
    ///   - report: Hears what is wrong with which figure, and with which of its expressions.
    public init(_ figures: [UserFigure], scope: Scope, report: (UserFigure, String, ExpressionError) -> Void) {
        var entries: [(UserFigure, [Part])] = []
        var needs: Set<Need> = []
        for figure in figures {
            var text = figure.value
            do throws(ExpressionError) {
                var parts: [Part] = []
                for module in try scope.modules(matching: figure.pattern) {
                    text = figure.value
                    let value = try Parser.parse(text, hasModuleVariable: module != nil)
                    var check = ShapeCheck(scope: scope, module: module)
                    let shape = try check.shape(of: value)
                    try Self.check(shape, figure)
                    var x: Expression?
                    if let xText = figure.x {
                        text = xText
                        let parsed = try Parser.parse(text, hasModuleVariable: module != nil)
                        try Self.check(x: try check.shape(of: parsed), shape, figure)
                        x = parsed
                    }
                    guard check.operations <= scope.budget else {
                        throw ExpressionError(
                            "takes more operations than the steps of a row; take a slice of the rows", at: 0)
                    }
                    needs.formUnion(check.needs)
                    parts.append(Part(module: module, value: value, x: x))
                }
                entries.append((figure, parts))
            } catch {
                report(figure, text, error)
            }
        }
        self.entries = entries
        self.needs = needs
    }

    private static func check(_ shape: [Int], _ figure: UserFigure) throws(ExpressionError) {
        let count = Shape.count(shape)
        func refuse(_ expected: String) -> ExpressionError {
            ExpressionError("gives \(Shape.words(shape)), and \(figure.drawing.rawValue) takes \(expected)", at: 0)
        }
        switch figure.drawing {
        case .heatmap where shape.count != 2 || count > cellLimit: throw refuse("a matrix of up to \(cellLimit) cells")
        case .table where shape.isEmpty || shape.count > 2 || count > 10 * tableLimit || shape[0] > tableLimit:
            throw refuse("a matrix of up to \(tableLimit) rows")
        case .lines where shape.isEmpty || shape.count > 2 || shape.count == 2 && shape[0] > 50 || count > cellLimit:
            throw refuse("a row of numbers, or a matrix of up to 50 lines")
        case .scatter where shape.isEmpty || count > 1 << 16: throw refuse("up to 65536 numbers; take a slice")
        case .histogram where shape.isEmpty: throw refuse("several numbers")
        default: break
        }
    }

    private static func check(x: [Int], _ shape: [Int], _ figure: UserFigure) throws(ExpressionError) {
        let fits = figure.drawing == .scatter ? Shape.count(x) == Shape.count(shape) : x == [shape[shape.count - 1]]
        guard [.lines, .scatter].contains(figure.drawing), fits else {
            throw ExpressionError(
                "x gives \(Shape.words(x)), which does not go with \(figure.drawing.rawValue) of \(Shape.words(shape))",
                at: 0)
        }
    }

    /// Computes what the figures of a step show.
    ///
    /// - Throws: nothing in practice: what is computed was checked.
    public func panels(of source: any TensorSource) throws -> [(figure: UserFigure, panels: [Panel])] {
        try entries.map { figure, parts in
            let panels = try parts.map { part in
                let evaluation = Evaluation(source: source, module: part.module)
                return Panel(
                    title: part.module ?? "", value: try evaluation.value(of: part.value),
                    x: try part.x.map(evaluation.value))
            }
            return (figure, panels)
        }
    }
}
