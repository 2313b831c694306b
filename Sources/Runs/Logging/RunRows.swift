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
        let drawing: Drawing?
    }

    init(file: MetricsFile, tracker: RunTracker) {
        self.file = file
        self.tracker = tracker
    }

    /// Takes a step's row, which W&B shows with some media and figures next to its numbers, and writes nothing yet.
    mutating func add(_ row: MetricsRow, media: [(name: String, medium: Media)], drawing: Drawing?) {
        held.append(Held(step: row.step, row: row, media: media, drawing: drawing))
    }

    /// Takes the figures that W&B shows of a step without a row, and writes nothing yet.
    mutating func add(_ drawing: Drawing) {
        held.append(Held(step: drawing.step, row: nil, media: [], drawing: drawing))
    }

    /// Writes what is held, in order, up to figures that are still being drawn.
    ///
    /// - Parameter waits: Whether to wait for those.
    /// - Throws: `FileError`; what was not written is still held.
    mutating func write(waits: Bool = false) throws(FileError) {
        while let next = held.first {
            if !waits, let drawing = next.drawing, !drawing.isDone { return }
            if let row = next.row { try file.append(row) }
            let values = next.row?.values.map { ($0.name, JSONValue.shortest($0.value)) } ?? []
            tracker.log(step: next.step, values: values, media: (next.drawing?.media ?? []) + next.media)
            held.removeFirst()
        }
    }

    /// Makes what was written survive a power cut.
    func flush() throws(FileError) {
        try file.flush()
    }
}
