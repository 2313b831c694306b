import Foundation
import Metrics
import Store

/// What a full-screen view of a job shows: which rows, in which order.
package struct WatchScreen {
    /// The keys that were pressed.
    package enum Key: Equatable {
        case up, down, pageUp, pageDown, top, bottom, sort, turn, quit
    }

    /// By what runs are sorted.
    package enum Order: String, CaseIterable {
        case position, state, step, loss, left
    }

    package private(set) var order = Order.position
    package private(set) var isTurned = false
    package private(set) var offset = 0
    /// How many runs the last picture had room for.
    private var page = 1

    package init() {}

    /// The keys in what a terminal has sent; what means nothing is skipped.
    package static func keys(in bytes: [UInt8]) -> [Key] {
        let meanings: [(String, Key)] = [
            ("\u{1B}[A", .up), ("\u{1B}OA", .up), ("k", .up), ("\u{1B}[B", .down), ("\u{1B}OB", .down), ("j", .down),
            ("\u{1B}[5~", .pageUp), ("b", .pageUp), ("\u{1B}[6~", .pageDown), (" ", .pageDown), ("\u{1B}[H", .top),
            ("\u{1B}[1~", .top), ("g", .top), ("\u{1B}[F", .bottom), ("\u{1B}[4~", .bottom), ("G", .bottom),
            ("s", .sort), ("r", .turn), ("q", .quit),
        ]
        var keys: [Key] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            if let (text, key) = meanings.first(where: { rest.starts(with: Array($0.0.utf8)) }) {
                keys.append(key)
                rest = rest.dropFirst(text.utf8.count)
            } else if rest.starts(with: [0x1B, 0x5B]) {
                // Another key's sequence, up to its last letter.
                rest = rest.dropFirst(2).drop { $0 < 0x40 }.dropFirst()
            } else {
                rest = rest.dropFirst()
            }
        }
        return keys
    }

    /// Does what a key means; leaving is the caller's concern.
    package mutating func take(_ key: Key) {
        switch key {
        case .up: offset -= 1
        case .down: offset += 1
        case .pageUp: offset -= page
        case .pageDown: offset += page
        case .top: offset = 0
        case .bottom: offset = .max / 2
        case .sort:
            let all = Order.allCases
            order = all[((all.firstIndex(of: order) ?? 0) + 1) % all.count]
            offset = 0
        case .turn: isTurned.toggle()
        case .quit: break
        }
        offset = max(0, offset)
    }

    /// The picture: never more lines or columns than there are.
    ///
    /// - Throws: ``Failure`` for settings that can't be read.
    package mutating func lines(_ text: StatusText, rows: Int, columns: Int) throws(Failure) -> [String] {
        let agents = Array(text.agents.prefix(max(2, rows / 3)))
        var lines = [text.style.paint(text.headline(in: columns), .bold), text.bar, ""] + agents + [""]
        let runs = try text.runs(sorted: sorted(text.snapshot), .cut(columns))
        page = max(1, rows - lines.count - 2)
        let count = max(0, runs.count - 1)
        offset = min(offset, max(0, count - page))
        let shown = runs.dropFirst(1 + offset).prefix(page)
        lines += runs.prefix(1) + shown
        lines += Array(repeating: "", count: max(0, rows - 1 - lines.count))
        let place = count > page ? "runs \(offset + 1)–\(offset + shown.count) of \(count) · " : ""
        let foot =
            place + "sorted by \(order.rawValue)\(isTurned ? ", turned" : "") · q quit · ↑↓ scroll · s sort · r turn"
        lines = Array(lines.prefix(max(1, rows - 1))) + [text.style.paint(foot, .dim)]
        return lines.prefix(rows).map { Terminal.cut($0, to: columns) }
    }

    private func sorted(_ snapshot: JobSnapshot) -> [Run] {
        func first(_ a: Run, _ b: Run) -> Bool {
            switch order {
            case .position: return a.position < b.position
            case .state: return (Self.rank(a), a.position) < (Self.rank(b), b.position)
            case .step: return (b.progress.step, a.position) < (a.progress.step, b.position)
            case .loss: return (Self.loss(a), a.position) < (Self.loss(b), b.position)
            case .left:
                let (x, y) = (a.remaining ?? .seconds(1 << 40), b.remaining ?? .seconds(1 << 40))
                return (x, a.position) < (y, b.position)
            }
        }
        let runs = snapshot.runs.sorted(by: first)
        return isTurned ? runs.reversed() : runs
    }

    private static func rank(_ run: Run) -> Int {
        [RunStatus.running, .failed, .pending, .done, .cancelled].firstIndex(of: run.status) ?? 0
    }

    private static func loss(_ run: Run) -> Double {
        let loss = run.metrics[Metric.totalLoss.name] ?? run.progress.losses[Metric.totalLoss.name] ?? .infinity
        return loss.isNaN ? .infinity : loss
    }
}
