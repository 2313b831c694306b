/// Tries a program on a text; it keeps its memory between uses, so one matcher serves one thread.
struct PatternMatcher {
    /// A place to go back to.
    ///
    /// `low` is where a run of characters can be shortened to, `plain` for a place and nothing else, `mark` for a
    /// loop's mark to put back.
    private struct Frame {
        static let plain = -1
        static let mark = -2

        var instruction: Int
        var position: Int
        var low: Int
    }

    private var stack: [Frame] = []
    private var marks: [Int] = []
    private var triesLeft = 0
    /// How many tries one match may take: as many as the reference's engine allows.
    var maximumTries = 10_000_000

    /// The first match from a place on.
    ///
    /// - Throws: `TooManyTries` where a pattern goes back too often.
    mutating func firstMatch(
        of program: PatternProgram, in text: UTF8Text, from start: Int
    ) throws(TooManyTries) -> Range<Int>? {
        triesLeft = maximumTries
        marks = [Int](repeating: -1, count: program.markCount)
        var position = start
        while position <= text.count {
            if let first = program.firstBytes {
                while position < text.count, !first[Int(text[position])] { position += 1 }
                if position == text.count { return nil }
            }
            stack.removeAll(keepingCapacity: true)
            if let end = try run(program, from: 0, text, at: position) { return position..<end }
            guard position < text.count else { return nil }
            position += text.scalar(at: position).length
        }
        return nil
    }

    private mutating func run(
        _ program: PatternProgram, from first: Int, _ text: UTF8Text, at start: Int
    ) throws(TooManyTries) -> Int? {
        let base = stack.count
        var instruction = first
        var position = start
        while true {
            var isOn: Bool
            switch program.instructions[instruction] {
            case .set(let set):
                isOn = false
                if position < text.count {
                    let (scalar, length) = text.scalar(at: position)
                    isOn = program.set(set, contains: scalar)
                    position += length
                }
            case .run(let set, let least, let most):
                isOn = take(program, set, least, most, text, &position, nextInstruction: instruction + 1)
            case .possessiveRun(let set, let least, let most):
                isOn = take(program, set, least, most, text, &position, nextInstruction: nil)
            case .split(let preferred, let other):
                stack.append(Frame(instruction: other, position: position, low: Frame.plain))
                instruction = preferred
                continue
            case .jump(let target):
                instruction = target
                continue
            case .mark(let mark):
                stack.append(Frame(instruction: mark, position: marks[mark], low: Frame.mark))
                marks[mark] = position
                isOn = true
            case .progress(let mark): isOn = marks[mark] != position
            case .anchor(let anchor): isOn = holds(anchor, text, position)
            case .atomic(let next):
                if let end = try nested(program, from: instruction + 1, text, at: position) {
                    (position, instruction) = (end, next)
                    continue
                }
                isOn = false
            case .ahead(let next, let isNegated):
                if (try nested(program, from: instruction + 1, text, at: position) == nil) == isNegated {
                    instruction = next
                    continue
                }
                isOn = false
            case .behind(let next, let length, let isNegated):
                var isMatch = false
                if let before = Self.position(text, position, minus: length) {
                    isMatch = try nested(program, from: instruction + 1, text, at: before) != nil
                }
                if isMatch != isNegated {
                    instruction = next
                    continue
                }
                isOn = false
            case .fail: isOn = false
            case .matched: return position
            }
            if isOn {
                instruction += 1
            } else {
                guard let place = try back(to: base, text) else { return nil }
                (instruction, position) = place
            }
        }
    }

    /// Runs a part of the program whose choices are final once it has matched.
    private mutating func nested(
        _ program: PatternProgram, from first: Int, _ text: UTF8Text, at position: Int
    ) throws(TooManyTries) -> Int? {
        let depth = stack.count
        let end = try run(program, from: first, text, at: position)
        stack.removeLast(stack.count - depth)
        return end
    }

    /// The latest place to go back to, above `base`.
    private mutating func back(to base: Int, _ text: UTF8Text) throws(TooManyTries) -> (Int, Int)? {
        triesLeft -= 1
        guard triesLeft > 0 else { throw TooManyTries() }
        while stack.count > base {
            let frame = stack[stack.count - 1]
            if frame.low == Frame.mark {
                marks[frame.instruction] = frame.position
                stack.removeLast()
            } else if frame.low == Frame.plain {
                stack.removeLast()
                return (frame.instruction, frame.position)
            } else {
                let shorter = text.scalarStart(before: frame.position)
                if shorter > frame.low {
                    stack[stack.count - 1].position = shorter
                } else {
                    stack.removeLast()
                }
                return (frame.instruction, shorter)
            }
        }
        return nil
    }

    private mutating func take(
        _ program: PatternProgram, _ set: Int, _ least: Int, _ most: Int, _ text: UTF8Text, _ position: inout Int,
        nextInstruction: Int?
    ) -> Bool {
        var taken = 0
        var low = position
        while taken < most, position < text.count {
            let (scalar, length) = text.scalar(at: position)
            guard program.set(set, contains: scalar) else { break }
            position += length
            taken += 1
            if taken == least { low = position }
        }
        guard taken >= least else { return false }
        if let nextInstruction, position > low {
            stack.append(Frame(instruction: nextInstruction, position: position, low: low))
        }
        return true
    }

    private static func position(_ text: UTF8Text, _ position: Int, minus count: Int) -> Int? {
        var before = position
        for _ in 0..<count {
            guard before > 0 else { return nil }
            before = text.scalarStart(before: before)
        }
        return before
    }

    private func holds(_ anchor: PatternNode.Anchor, _ text: UTF8Text, _ position: Int) -> Bool {
        let newline = UInt8(ascii: "\n")
        switch anchor {
        case .textStart: return position == 0
        case .textEnd: return position == text.count
        case .textEndOrLastNewline:
            return position == text.count || (position == text.count - 1 && text[position] == newline)
        case .lineStart: return position == 0 || (text[position - 1] == newline && position < text.count)
        case .lineEnd: return position == text.count || text[position] == newline
        case .wordEdge, .notWordEdge:
            let before = position > 0 && Self.isWord(text, at: text.scalarStart(before: position))
            let behind = position < text.count && Self.isWord(text, at: position)
            return (before != behind) == (anchor == .wordEdge)
        }
    }

    private static func isWord(_ text: UTF8Text, at position: Int) -> Bool {
        CharacterClass.isPatternWord(text.scalar(at: position).value)
    }
}

/// A match that would take too long to find.
struct TooManyTries: Error {}
