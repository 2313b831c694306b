import Foundation
import Layout
import Synchronization

/// One metric of one run, as its `metrics.jsonl` has it so far.
struct Curve: Sendable {
    /// Steps that have a value.
    var steps: [Int32] = []
    var values: [Double] = []

    fileprivate var bytes: Int { 12 * steps.count + 200 }

    /// The rows from one step to another, and one more on either side, so a line reaches the edges.
    func part(from first: Double, to last: Double) -> Curve {
        guard first <= last, let start = steps.firstIndex(where: { Double($0) >= first }),
            let end = steps.lastIndex(where: { Double($0) <= last })
        else { return Curve() }
        let (low, high) = (max(start - 1, 0), min(end + 1, steps.count - 1))
        guard low <= high else { return Curve() }
        return Curve(steps: Array(steps[low...high]), values: Array(values[low...high]))
    }
}

/// Metrics that were asked for, read on from where their files ended before.
///
/// A file is read again from its start if it is another one: an attempt that continues begins its own file.
final class CurveCache: Sendable {
    private struct Key: Hashable {
        let run: RunID
        let metric: String
    }
    fileprivate struct Entry {
        var curve = Curve()
        var offset = 0
        var device: UInt = 0
        var file: UInt = 0
        var used = 0
    }
    private struct State {
        var entries: [Key: Entry] = [:]
        var bytes = 0
        var clock = 0
    }
    private let state = Mutex(State())
    /// The limit for all curves together.
    private let limit: Int

    init(limit: Int = 64 << 20) { self.limit = limit }

    /// The curve as the file is now; empty for a run that has logged nothing yet.
    ///
    /// - Throws: ``Failure`` for a file that cannot be read.
    func curve(_ metric: String, of run: RunID, in folder: RunFolder) throws -> Curve {
        let key = Key(run: run, metric: metric)
        var entry = state.withLock { state in
            state.clock += 1
            return state.entries[key] ?? Entry()
        }
        let old = entry.curve.bytes
        guard try entry.catchUp(folder.metrics, metric) else { return Curve() }
        let grown = entry
        state.withLock { state in
            state.bytes += grown.curve.bytes - (state.entries[key] == nil ? 0 : old)
            state.entries[key] = grown
            state.entries[key]?.used = state.clock
            // Those that were not asked for longest go first.
            guard state.bytes > limit else { return }
            for (other, entry) in state.entries.sorted(by: { $0.value.used < $1.value.used }) where other != key {
                guard state.bytes > limit / 2 else { break }
                state.entries[other] = nil
                state.bytes -= entry.curve.bytes
            }
        }
        return entry.curve
    }
}

extension CurveCache.Entry {
    /// Reads what is new.
    ///
    /// - Returns: Whether there is such a file.
    fileprivate mutating func catchUp(_ path: String, _ metric: String) throws -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw FileTrouble(path: path) }
            return false
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileTrouble(path: path) }
        guard info.st_mode & S_IFMT == S_IFREG else { throw FileTrouble(notPlain: path) }
        if info.st_ino != file || info.st_dev != device || Int(info.st_size) < offset {
            self = Self()
            (file, device) = (info.st_ino, info.st_dev)
        }
        var reader = RowReader(metric: metric)
        while offset < Int(info.st_size) {
            let taken = try reader.read(descriptor, at: offset, path, into: &curve)
            guard taken > 0 else { break }
            offset += taken
        }
        return true
    }
}
