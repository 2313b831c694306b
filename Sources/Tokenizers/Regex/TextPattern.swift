/// What a Split or a Replace looks for: a text or a pattern.
struct TextPattern: Sendable {
    private enum Kind: Sendable {
        case text([UInt8])
        case known(KnownPattern)
        case program(PatternProgram)
    }

    private let kind: Kind
    private let source: String
    private let file: String

    /// A literal text to find.
    init(text: String) {
        kind = .text(Array(text.utf8))
        source = text
        file = ""
    }

    /// ByteLevel's own pattern.
    static let gpt2 = TextPattern(known: .gpt2)

    private init(known: KnownPattern) {
        kind = .known(known)
        source = ""
        file = ""
    }

    /// The `pattern` of a Split or a Replace.
    init(_ place: JSONPlace) throws(TokenizerError) {
        if let text = try place.member("String") {
            self.init(text: try text.string())
            return
        }
        guard let pattern = try place.member("Regex") else {
            throw place.unexpected("{\"String\": …} or {\"Regex\": …}")
        }
        try self.init(regex: try pattern.string(), at: pattern)
    }

    /// A pattern; `usesKnown` false keeps to the general matcher.
    init(regex: String, at place: JSONPlace, usesKnown: Bool = true) throws(TokenizerError) {
        source = regex
        file = place.file
        if usesKnown, let known = KnownPattern(regex) {
            kind = .known(known)
            return
        }
        do throws(PatternError) {
            var parser = PatternParser(regex)
            kind = .program(try PatternProgram(try parser.parse()))
        } catch {
            switch error.problem {
            case .expected(let what):
                throw place.unexpected("\(what) at character \(error.position) of the pattern", found: "\"\(regex)\"")
            case .unsupported(let what):
                throw place.unsupported(
                    "in the pattern \"\(regex)\", \(what)", advice: "no other pattern will do instead")
            }
        }
    }

    /// Calls with every match, in order; matches may be empty.
    func forEachMatch(
        in text: UTF8Text, _ matcher: inout PatternMatcher, _ body: (Range<Int>) -> Void
    ) throws(TokenizerError) {
        switch kind {
        case .text(let wanted): Self.find(wanted, in: text, body)
        case .known(let known):
            var start = 0
            while start < text.count {
                let end = known.end(in: text, from: start)
                body(start..<end)
                start = end
            }
        case .program(let program):
            do throws(TooManyTries) {
                try Self.find(program, in: text, &matcher, body)
            } catch {
                throw .patternTooSlow(file: file, pattern: source, length: text.count)
            }
        }
    }

    private static func find(_ wanted: [UInt8], in text: UTF8Text, _ body: (Range<Int>) -> Void) {
        guard let first = wanted.first else {
            // Nothing is found before each character, and at the end.
            for index in 0...text.count where index == text.count || text[index] & 0xC0 != 0x80 { body(index..<index) }
            return
        }
        var start = 0
        while start + wanted.count <= text.count {
            if text[start] == first, text.slice(start..<text.count).starts(with: wanted) {
                body(start..<start + wanted.count)
                start += wanted.count
            } else {
                start += 1
            }
        }
    }

    private static func find(
        _ program: PatternProgram, in text: UTF8Text, _ matcher: inout PatternMatcher, _ body: (Range<Int>) -> Void
    ) throws(TooManyTries) {
        var start = 0
        var lastEnd: Int?
        while start <= text.count, let match = try matcher.firstMatch(of: program, in: text, from: start) {
            if match.isEmpty, match.lowerBound == lastEnd {
                // An empty match right behind another counts for nothing.
                start += start < text.count ? text.scalar(at: start).length : 1
                continue
            }
            body(match)
            start = match.upperBound
            lastEnd = match.upperBound
        }
    }
}
