import Artifacts
import WandB

/// A run's logged steps on their way to its file and to W&B.
///
/// They are held in memory while the run's files may be another attempt's, and follow once they are not.
struct RunRows {
    private let file: MetricsFile
    private let tracker: RunTracker
    private var held: [MetricsRow] = []

    init(file: MetricsFile, tracker: RunTracker) {
        self.file = file
        self.tracker = tracker
    }

    /// Takes a row, and writes nothing yet.
    mutating func add(_ row: MetricsRow) {
        held.append(row)
    }

    /// Writes what is held, in order.
    ///
    /// - Throws: `FileError`; what was not written is still held.
    mutating func write() throws(FileError) {
        while let row = held.first {
            try file.append(row)
            tracker.log(step: row.step, values: row.values.map { ($0.name, .number($0.value)) })
            held.removeFirst()
        }
    }

    /// Makes what was written survive a power cut.
    func flush() throws(FileError) {
        try file.flush()
    }
}
