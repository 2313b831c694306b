/// A pattern as instructions for a backtracking matcher.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        /// Takes one character of the set.
        case set(Int)
        /// Takes as many characters of the set as there are, and gives back one after another.
        case run(set: Int, least: Int, most: Int)
        /// Takes as many characters of the set as there are, and keeps them.
        case possessiveRun(set: Int, least: Int, most: Int)
        /// Continues at the first place, and at the second if that fails.
        case split(Int, Int)
        case jump(Int)
        /// Records where a round of a loop begins.
        case mark(Int)
        /// Fails where a round of a loop has taken nothing.
        case progress(Int)
        case anchor(PatternNode.Anchor)
        /// Matches up to `matched` without giving anything back, then continues at `next`.
        case atomic(next: Int)
        /// Looks ahead: what follows up to `matched` must match here (or must not).
        case ahead(next: Int, isNegated: Bool)
        /// Looks behind: what follows must match from this many characters before.
        case behind(next: Int, length: Int, isNegated: Bool)
        case fail
        case matched
    }

    private(set) var instructions: [Instruction] = []
    private var sets: [PatternSet] = []
    private var answers: [ASCIIAnswers] = []
    private(set) var markCount = 0
    /// Which bytes a match can begin with; nil if it can be empty.
    let firstBytes: [Bool]?
    private static let maximumLength = 5000

    init(_ node: PatternNode) throws(PatternError) {
        var first = [Bool](repeating: false, count: 256)
        firstBytes = node.addFirstBytes(to: &first) ? nil : first
        try compile(node)
        instructions.append(.matched)
    }

    /// Whether a set has a character.
    @inline(__always)
    func set(_ index: Int, contains scalar: UInt32) -> Bool {
        scalar < 0x80 ? answers[index].contains(scalar) : sets[index].contains(scalar)
    }

    private mutating func index(of set: PatternSet) -> Int {
        sets.append(set)
        answers.append(ASCIIAnswers(set))
        return sets.count - 1
    }

    private mutating func compile(_ node: PatternNode) throws(PatternError) {
        guard instructions.count < Self.maximumLength else {
            throw PatternError(problem: .unsupported("a pattern that repeats so much"), position: 0)
        }
        switch node {
        case .empty: break
        case .set(let set): instructions.append(.set(index(of: set)))
        case .sequence(let nodes): for node in nodes { try compile(node) }
        case .alternatives(let branches): try compileAlternatives(branches)
        case .repeated(let body, let least, let most, let greed):
            try compileRepetition(of: body, least: least, most: most, greed)
        case .atomic(let body): try compileNested(body) { .atomic(next: $0) }
        case .ahead(let body, let isNegated): try compileNested(body) { .ahead(next: $0, isNegated: isNegated) }
        case .behind(let body, let isNegated): try compileBehind(body, isNegated: isNegated)
        case .anchor(let anchor): instructions.append(.anchor(anchor))
        }
    }

    private mutating func compileAlternatives(_ branches: [PatternNode]) throws(PatternError) {
        var ends: [Int] = []
        for (number, branch) in branches.enumerated() {
            guard number < branches.count - 1 else {
                try compile(branch)
                break
            }
            let split = instructions.count
            instructions.append(.fail)
            try compile(branch)
            ends.append(instructions.count)
            instructions.append(.fail)
            instructions[split] = .split(split + 1, instructions.count)
        }
        for end in ends { instructions[end] = .jump(instructions.count) }
    }

    private mutating func compileRepetition(
        of body: PatternNode, least: Int, most: Int?, _ greed: PatternNode.Greed
    ) throws(PatternError) {
        if case .set(let set) = body, greed != .lazy {
            let set = index(of: set)
            let most = most ?? .max
            instructions.append(
                greed == .possessive
                    ? .possessiveRun(set: set, least: least, most: most) : .run(set: set, least: least, most: most))
            return
        }
        if greed == .possessive {
            try compile(.atomic(.repeated(body, least: least, most: most, .greedy)))
            return
        }
        for _ in 0..<least { try compile(body) }
        if let most {
            // Each further round is a choice; all skip to the same end.
            var splits: [Int] = []
            for _ in least..<most {
                splits.append(instructions.count)
                instructions.append(.fail)
                try compile(body)
            }
            for split in splits { instructions[split] = choice(split + 1, instructions.count, greed) }
        } else {
            let split = instructions.count
            instructions.append(.fail)
            let mark = markCount
            markCount += 1
            instructions.append(.mark(mark))
            try compile(body)
            instructions.append(.progress(mark))
            instructions.append(.jump(split))
            instructions[split] = choice(split + 1, instructions.count, greed)
        }
    }

    private func choice(_ round: Int, _ end: Int, _ greed: PatternNode.Greed) -> Instruction {
        greed == .lazy ? .split(end, round) : .split(round, end)
    }

    private mutating func compileNested(
        _ body: PatternNode, _ instruction: (Int) -> Instruction
    ) throws(PatternError) {
        let start = instructions.count
        instructions.append(.fail)
        try compile(body)
        instructions.append(.matched)
        instructions[start] = instruction(instructions.count)
    }

    private mutating func compileBehind(_ body: PatternNode, isNegated: Bool) throws(PatternError) {
        var branches = [body]
        if case .alternatives(let alternatives) = body { branches = alternatives }
        // Branches of several lengths: none may match, or one must.
        var ends: [Int] = []
        for (number, branch) in branches.enumerated() {
            guard let length = branch.fixedLength else {
                throw PatternError(problem: .unsupported("a look behind of varying length"), position: 0)
            }
            let isLast = number == branches.count - 1
            let split = instructions.count
            if !isNegated, !isLast { instructions.append(.fail) }
            try compileNested(branch) { .behind(next: $0, length: length, isNegated: isNegated) }
            if !isNegated, !isLast {
                ends.append(instructions.count)
                instructions.append(.fail)
                instructions[split] = .split(split + 1, instructions.count)
            }
        }
        for end in ends { instructions[end] = .jump(instructions.count) }
    }
}

extension PatternNode {
    /// Adds the bytes that a match can begin with, and says whether it can be empty.
    fileprivate func addFirstBytes(to first: inout [Bool]) -> Bool {
        switch self {
        case .empty, .anchor, .ahead, .behind: return true
        case .set(let set):
            for byte in 0..<128 where set.contains(UInt32(byte)) { first[byte] = true }
            for byte in 0xC2..<0xF5 { first[byte] = true }
            return false
        case .sequence(let nodes): return nodes.allSatisfy { $0.addFirstBytes(to: &first) }
        case .alternatives(let nodes): return nodes.map { $0.addFirstBytes(to: &first) }.contains(true)
        case .repeated(let node, let least, let most, _):
            guard most != 0 else { return true }
            let isEmpty = node.addFirstBytes(to: &first)
            return isEmpty || least == 0
        case .atomic(let node): return node.addFirstBytes(to: &first)
        }
    }
}
