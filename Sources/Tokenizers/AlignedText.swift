/// A text on its way to the model, and for each byte of it the range of the original text that it comes from.
///
/// Offsets cost more than all else, and training needs none: without `tracksOffsets` there are only the bytes.
struct AlignedText {
    private(set) var bytes: [UInt8] = []
    /// For each byte where its original begins, in bytes of the original text.
    private(set) var starts: [Int] = []
    /// For each byte where its original ends.
    private(set) var ends: [Int] = []
    var tracksOffsets = false

    var count: Int { bytes.count }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// Takes a text as it is: each character comes from itself.
    mutating func set(to text: UTF8Text) {
        removeAll()
        bytes.append(contentsOf: text)
        guard tracksOffsets else { return }
        var index = 0
        while index < text.count {
            let length = text.scalar(at: index).length
            for _ in 0..<length {
                starts.append(index)
                ends.append(index + length)
            }
            index += length
        }
    }

    func withText<Result, Failure: Error>(_ body: (UTF8Text) throws(Failure) -> Result) throws(Failure) -> Result {
        // `withUnsafeBufferPointer` has no typed throws of its own yet.
        let outcome: Swift.Result<Result, Failure> = bytes.withUnsafeBufferPointer { buffer in
            do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    /// Appends a part of another text unchanged.
    mutating func append(_ range: Range<Int>, of source: AlignedText) {
        bytes.append(contentsOf: source.bytes[range])
        guard tracksOffsets else { return }
        starts.append(contentsOf: source.starts[range])
        ends.append(contentsOf: source.ends[range])
    }

    /// Appends new text that comes from where a byte of another text does.
    mutating func append(_ text: [UInt8], from source: AlignedText, at index: Int, origin: Int, first: Int) {
        bytes.append(contentsOf: text)
        guard tracksOffsets else { return }
        let isInside = index > first && index <= source.count
        let (start, end) = isInside ? (source.starts[index - 1], source.ends[index - 1]) : (origin, origin)
        for _ in text {
            starts.append(start)
            ends.append(end)
        }
    }

    /// Appends a scalar that comes from where a byte of another text does.
    @inline(__always)
    mutating func append(scalar: UInt32, from source: AlignedText, at index: Int) {
        let length = bytes.append(scalar: scalar)
        guard tracksOffsets else { return }
        for _ in 0..<length {
            starts.append(source.starts[index])
            ends.append(source.ends[index])
        }
    }

    /// Appends what a piece of another text has become.
    mutating func append(
        _ transformed: [Transformed], for piece: Piece, of source: AlignedText
    ) {
        guard tracksOffsets else {
            for element in transformed { bytes.append(scalar: element.scalar) }
            return
        }
        source.withText { text in
            var next = piece.range.lowerBound
            let limit = piece.range.upperBound
            func skip(_ count: Int) {
                for _ in 0..<max(count, 0) where next < limit { next += text.scalar(at: next).length }
            }
            for element in transformed {
                var (start, end) = (piece.origin, piece.origin)
                if element.change > 0 {
                    if next > piece.range.lowerBound { (start, end) = (source.starts[next - 1], source.ends[next - 1]) }
                } else {
                    let index = min(next, limit - 1)
                    (start, end) = (source.starts[index], source.ends[index])
                    skip(1 - element.change)
                }
                for _ in 0..<bytes.append(scalar: element.scalar) {
                    starts.append(start)
                    ends.append(end)
                }
            }
        }
    }
}

/// A piece of the text: not split yet, or an added token found in it.
struct Piece {
    /// Where it is in the text.
    var range: Range<Int>
    /// Where it begins in the original text.
    var origin: Int
    /// Which of the added tokens found it is, if it is one.
    var added: Int?
}

/// An added token found in a text.
struct FoundToken {
    let id: UInt32
    /// What it comes from, in bytes of the original text.
    let start: Int
    let end: Int
    /// The text found, with the white space that the token takes along.
    let text: [UInt8]
}
