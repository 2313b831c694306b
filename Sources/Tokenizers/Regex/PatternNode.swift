/// A pattern as it is written, after parsing.
indirect enum PatternNode: Sendable {
    enum Greed: Sendable { case greedy, lazy, possessive }

    enum Anchor: Sendable { case textStart, textEnd, textEndOrLastNewline, lineStart, lineEnd, wordEdge, notWordEdge }

    case empty
    case set(PatternSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    case repeated(PatternNode, least: Int, most: Int?, Greed)
    case atomic(PatternNode)
    case ahead(PatternNode, isNegated: Bool)
    case behind(PatternNode, isNegated: Bool)
    case anchor(Anchor)

    /// How many characters every match has; nil if that varies.
    var fixedLength: Int? {
        switch self {
        case .empty, .anchor, .ahead, .behind: return 0
        case .set: return 1
        case .atomic(let node): return node.fixedLength
        case .sequence(let nodes):
            var sum = 0
            for node in nodes {
                guard let length = node.fixedLength else { return nil }
                sum += length
            }
            return sum
        case .alternatives(let nodes):
            guard let first = nodes.first?.fixedLength else { return nil }
            return nodes.allSatisfy { $0.fixedLength == first } ? first : nil
        case .repeated(let node, let least, let most, _):
            guard least == most, let length = node.fixedLength else { return nil }
            return length * least
        }
    }
}

/// Why a pattern can't be used.
struct PatternError: Error {
    /// What was expected, or what is not supported.
    let problem: Problem
    /// The character of the pattern at which that shows, counted from 0.
    let position: Int

    enum Problem {
        case expected(String)
        case unsupported(String)
    }
}
