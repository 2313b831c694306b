import Artifacts
import JSON
import WandB

/// A run's logged steps on their way to its file and to W&B.
///
/// They are held in memory while the run's files may be another attempt's, and follow once they are not.
struct RunRows {
    private let file: MetricsFile
    private let tracker: RunTracker
    private var held: [Held] = []

    private struct Held {
        let step: Int
        let row: MetricsRow?
        let media: [(name: String, medium: Media)]
    }

    init(file: MetricsFile, tracker: RunTracker) {
        self.file = file
        self.tracker = tracker
    }

    /// Takes a step's row, which W&B shows with some media beside its numbers, and writes nothing yet.
    mutating func add(_ row: MetricsRow, media: [(name: String, medium: Media)]) {
        held.append(Held(step: row.step, row: row, media: media))
    }

    /// Takes what W&B shows of a step without a row, and writes nothing yet.
    mutating func add(media: [(name: String, medium: Media)], step: Int) {
        held.append(Held(step: step, row: nil, media: media))
    }

    /// Writes what is held, in order.
    ///
    /// - Throws: `FileError`; what was not written is still held.
    mutating func write() throws(FileError) {
        while let next = held.first {
            if let row = next.row { try file.append(row) }
            let values = next.row?.values.map { ($0.name, JSONValue.shortest($0.value)) } ?? []
            tracker.log(step: next.step, values: values, media: next.media)
            held.removeFirst()
        }
    }

    /// Makes what was written survive a power cut.
    func flush() throws(FileError) {
        try file.flush()
    }
}
