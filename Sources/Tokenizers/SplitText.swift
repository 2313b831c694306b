/// A text in pieces, which normalizers rewrite and pre-tokenizers split.
struct SplitText {
    private(set) var text = AlignedText()
    private(set) var pieces: [Piece] = []
    private(set) var found: [FoundToken] = []
    /// The memory of the text before, for the next rewriting.
    private var spareText = AlignedText()
    private var sparePieces: [Piece] = []
    private var segments: [Segment] = []
    var matcher = PatternMatcher()

    /// A stretch of a piece, which a pattern matches or leaves.
    struct Segment {
        var range: Range<Int>
        var isMatch: Bool
    }

    /// Begins with one piece: the whole text.
    mutating func set(to original: UTF8Text, tracksOffsets: Bool) {
        text.tracksOffsets = tracksOffsets
        spareText.tracksOffsets = tracksOffsets
        text.set(to: original)
        found.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
        if !original.isEmpty { pieces.append(Piece(range: 0..<original.count, origin: 0)) }
    }

    /// Rewrites each piece that is no added token; those that become empty are dropped.
    mutating func rewrite(
        _ body: (_ source: AlignedText, _ piece: Piece, _ target: inout AlignedText, inout PatternMatcher)
            throws(TokenizerError) -> Void
    ) throws(TokenizerError) {
        spareText.removeAll()
        sparePieces.removeAll(keepingCapacity: true)
        for var piece in pieces {
            if piece.added == nil {
                let start = spareText.count
                try body(text, piece, &spareText, &matcher)
                piece.range = start..<spareText.count
                if piece.range.isEmpty { continue }
            }
            sparePieces.append(piece)
        }
        swap(&text, &spareText)
        swap(&pieces, &sparePieces)
    }

    /// Splits each piece that is no added token at the segments that `find` names; they cover the piece.
    mutating func split(
        _ behavior: SplitBehavior,
        inverted: Bool = false,
        _ find: (_ piece: UTF8Text, inout [Segment], inout PatternMatcher) throws(TokenizerError) -> Void
    ) throws(TokenizerError) {
        // Taken out for as long as it takes: what is used through `self` is copied at each piece.
        let (source, whole) = (text, pieces)
        var (segments, matcher, result) = (segments, matcher, sparePieces)
        (self.segments, self.matcher, sparePieces) = ([], PatternMatcher(), [])
        defer { (self.segments, self.matcher) = (segments, matcher) }
        result.removeAll(keepingCapacity: true)
        try source.withText { (text) throws(TokenizerError) in
            for piece in whole {
                guard piece.added == nil else {
                    result.append(piece)
                    continue
                }
                segments.removeAll(keepingCapacity: true)
                try find(text.slice(piece.range), &segments, &matcher)
                if inverted { for index in segments.indices { segments[index].isMatch.toggle() } }
                behavior.forEachPiece(of: segments) { range in
                    Self.append(range, of: piece, in: source, to: &result)
                }
            }
        }
        sparePieces = pieces
        pieces = result
    }

    /// Lets each piece begin where its first character comes from: a normalizer may have taken some away before it.
    mutating func settleOrigins() {
        guard text.tracksOffsets else { return }
        for index in pieces.indices where pieces[index].added == nil && !pieces[index].range.isEmpty {
            pieces[index].origin = text.starts[pieces[index].range.lowerBound]
        }
    }

    /// Takes the added tokens out of each piece.
    mutating func extract(_ matches: (UTF8Text) -> [AddedTokens.Match]) {
        var result: [Piece] = []
        for piece in pieces {
            guard piece.added == nil else {
                result.append(piece)
                continue
            }
            for match in text.withText({ matches($0.slice(piece.range)) }) {
                guard let id = match.id else {
                    Self.append(match.range, of: piece, in: text, to: &result)
                    continue
                }
                let range =
                    piece.range.lowerBound + match.range.lowerBound..<piece.range.lowerBound + match.range.upperBound
                guard !range.isEmpty else { continue }
                let isTracked = text.tracksOffsets
                found.append(
                    FoundToken(
                        id: id, start: isTracked ? text.starts[range.lowerBound] : 0,
                        end: isTracked ? text.ends[range.upperBound - 1] : 0,
                        text: isTracked ? Array(text.bytes[range]) : []))
                result.append(Piece(range: range, origin: piece.origin, added: found.count - 1))
            }
        }
        pieces = result
    }

    private static func append(
        _ range: Range<Int>, of piece: Piece, in text: AlignedText, to result: inout [Piece]
    ) {
        guard !range.isEmpty else { return }
        let range = piece.range.lowerBound + range.lowerBound..<piece.range.lowerBound + range.upperBound
        result.append(Piece(range: range, origin: text.tracksOffsets ? text.starts[range.lowerBound] : 0))
    }
}

/// What becomes of the matches at which a piece is split.
enum SplitBehavior: String, Sendable, CaseIterable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"

    init(_ place: JSONPlace) throws(TokenizerError) {
        guard let behavior = SplitBehavior(rawValue: try place.string()) else {
            throw place.unexpected("one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = behavior
    }

    /// Calls with each piece that the segments make, in order.
    func forEachPiece(of segments: [SplitText.Segment], _ body: (Range<Int>) -> Void) {
        switch self {
        case .isolated: for segment in segments { body(segment.range) }
        case .removed: for segment in segments where !segment.isMatch { body(segment.range) }
        case .contiguous, .mergedWithPrevious:
            var last: Range<Int>?
            var lastIsMatch = false
            for segment in segments {
                let joins = self == .contiguous ? segment.isMatch == lastIsMatch : segment.isMatch && !lastIsMatch
                if joins, let before = last {
                    last = before.lowerBound..<segment.range.upperBound
                } else {
                    if let last { body(last) }
                    last = segment.range
                }
                lastIsMatch = segment.isMatch
            }
            if let last { body(last) }
        case .mergedWithNext:
            var index = 0
            while index < segments.count {
                // Of consecutive matches, the last one goes with what follows.
                let isMerged =
                    segments[index].isMatch && index + 1 < segments.count && !segments[index + 1].isMatch
                let end = isMerged ? index + 1 : index
                body(segments[index].range.lowerBound..<segments[end].range.upperBound)
                index = end + 1
            }
        }
    }
}
