import Artifacts

/// Rows of T tokens out of a split's documents, in an order that follows from the seed and the pass alone.
///
/// Documents follow one another with one end-of-sequence token between them; the stream is cut into rows, and only its
/// tail is dropped. Each pass over the data has its own order.
public final class TokenRows: Sendable {
    /// How the documents are put in order.
    public enum Order: Sendable, Equatable {
        /// As the files have them, in each pass.
        case asWritten
        /// Shuffled again for each pass, by a seed.
        case shuffled(seed: Int)
    }

    /// T, the tokens of a row.
    public let length: Int
    /// How many rows a pass has.
    public let rowsPerPass: Int
    private let file: TokenFile
    private let order: Order

    /// Cuts a file's tokens into rows of `length`.
    public init(_ file: TokenFile, length: Int, order: Order) {
        self.file = file
        self.length = length
        self.order = order
        rowsPerPass = file.info.rows(of: length)
    }

    /// One pass over the data, ready to be read at any row.
    public final class Pass: Sendable {
        private let rows: TokenRows
        /// Documents in their order, and where each begins in the stream.
        private let documents: [UInt32]
        private let starts: [Int]

        fileprivate init(_ rows: TokenRows, number: Int) {
            self.rows = rows
            documents = rows.documents(inPass: number)
            var starts: [Int] = []
            starts.reserveCapacity(documents.count)
            var place = 0
            for document in documents {
                starts.append(place)
                place += rows.file.end(of: Int(document)) - rows.file.start(of: Int(document)) + 1
            }
            self.starts = starts
        }

        /// Copies row number `row` of the pass to `out` (T).
        public func copy(row: Int, to out: UnsafeMutablePointer<Int32>) {
            let file = rows.file
            var place = row * rows.length
            let end = place + rows.length
            // The last document that begins at the place or before it.
            var (low, high) = (0, starts.count)
            while high - low > 1 {
                let middle = (low + high) / 2
                if starts[middle] <= place { low = middle } else { high = middle }
            }
            var out = out
            while place < end {
                let document = Int(documents[low])
                let (first, last) = (file.start(of: document), file.end(of: document))
                let from = first + place - starts[low]
                let count = min(last - from, end - place)
                file.copy(from..<from + count, to: out)
                out += count
                place += count
                if place < end {
                    out.pointee = Int32(file.info.endOfSequence)
                    out += 1
                    place += 1
                }
                low += 1
            }
        }
    }

    /// Puts pass number `number`, from 0, in order.
    public func pass(_ number: Int) -> Pass { Pass(self, number: number) }

    private func documents(inPass number: Int) -> [UInt32] {
        var documents = (0..<file.info.documents).map { UInt32($0) }
        guard case .shuffled(let seed) = order else { return documents }
        var generator = SplitMix64(state: UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number))
        // Fisher-Yates, spelled out: the library's shuffle may change between versions, and runs must not.
        for index in stride(from: documents.count - 1, to: 0, by: -1) {
            documents.swapAt(index, Int(generator.next(below: UInt64(index) + 1)))
        }
        return documents
    }
}
