/// What `--where` says: `lr<0.01 and experiment=tms_5-2 and state=done`.
///
/// Comparisons (`=`, `!=`, `<`, `<=`, `>`, `>=`, `~` for "contains", `!~`, `in (…)`) of a column with a value, joined by
/// `and`, `or`, `not` and parentheses. A value is a number, a word, text in quotation marks, `true`, `false` or `null`;
/// a name in backticks is another column. A row that lacks the value passes `!=`, `!~` and `= null` only.
public struct Condition: Sendable, Equatable {
    /// What was written.
    public let text: String
    let root: Node

    indirect enum Node: Sendable, Equatable {
        case comparison(Comparison)
        case not(Node)
        /// All of them hold.
        case all([Node])
        /// One of them does.
        case any([Node])

        /// The columns that are named, in the order of the text.
        var names: [Name] {
            switch self {
            case .comparison(let comparison):
                [comparison.column]
                    + comparison.operands.compactMap { if case .column(let name) = $0.kind { name } else { nil } }
            case .not(let node): node.names
            case .all(let nodes), .any(let nodes): nodes.flatMap(\.names)
            }
        }
    }

    struct Comparison: Sendable, Equatable {
        enum Sign: String, Sendable {
            case equal = "="
            case different = "!="
            case below = "<"
            case atMost = "<="
            case above = ">"
            case atLeast = ">="
            case contains = "~"
            case lacks = "!~"
        }
        let column: Name
        let sign: Sign
        /// One; or those of `in (…)`, of which one must be equal.
        let operands: [Operand]
    }

    /// A column as named.
    struct Name: Sendable, Equatable {
        let text: String
        let position: Int
    }

    struct Operand: Sendable, Equatable {
        enum Kind: Sendable, Equatable {
            case value(Value)
            case column(Name)
        }
        let kind: Kind
        /// As it was written: what a column of texts is compared with.
        let spelling: String
        let position: Int
    }

    /// Reads a condition.
    ///
    /// - Throws: ``QueryError`` with the place and what was expected there.
    public init(parsing text: String) throws(QueryError) {
        self.text = text
        var parser = try ConditionParser(text)
        root = try parser.whole()
    }
}
