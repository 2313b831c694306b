import Foundation
package import WandB

/// Shows how far a sync is: a bar on a terminal, a line now and then elsewhere.
package struct SyncView {
    package let style: TerminalStyle
    private var shown: (line: String, time: ContinuousClock.Instant)?
    private static let linePause: Duration = .seconds(10)
    private static let barPause: Duration = .milliseconds(200)
    private static let barWidth = 24

    package init(style: TerminalStyle) { self.style = style }

    package mutating func show(_ progress: RelayProgress, of total: Int, perMinute: Int, trouble: String?) {
        let now = ContinuousClock.now
        let pause = Terminal.isStandardOutput ? Self.barPause : Self.linePause
        if let shown, now - shown.time < pause { return }
        var line = Self.line(progress, of: total, perMinute: perMinute)
        if let trouble = trouble ?? Self.trouble(progress) { line += "; \(trouble)" }
        defer { shown = (line, now) }
        guard Terminal.isStandardOutput else {
            if line != shown?.line, shown != nil || progress.hasLooked { print(line) }
            fflush(nil)
            return
        }
        let done = total == 0 ? 1 : Double(Self.through(progress)) / Double(total)
        let filled = Int((done * Double(Self.barWidth)).rounded(.down))
        let bar =
            style.paint(String(repeating: "█", count: filled), .green)
            + String(repeating: "░", count: Self.barWidth - filled)
        print("\r\u{1B}[K" + Terminal.cut("\(bar) \(line)", to: Terminal.size.columns - 1), terminator: "")
        fflush(nil)
    }

    /// Makes room for the last word.
    package func clear() {
        if Terminal.isStandardOutput, shown != nil { print("\r\u{1B}[K", terminator: "") }
    }

    private static func line(_ progress: RelayProgress, of total: Int, perMinute: Int) -> String {
        guard progress.hasLooked else {
            return "W&B: looking at \(plural(total, "run"))"
        }
        var parts = ["W&B: \(through(progress)) of \(plural(total, "run")) sent", plural(progress.rows, "row")]
        let live = progress.count { $0 == .upToDate }
        if live > 0 { parts.append("\(live) up to date and still active") }
        if progress.requestsLeft > 0 {
            let left = Duration.seconds(Double(progress.requestsLeft) * 60 / Double(perMinute))
            parts.append("about \(StatusText.time(left)) left")
        }
        return parts.joined(separator: ", ")
    }

    private static func through(_ progress: RelayProgress) -> Int {
        progress.count { $0 == .sent }
    }

    private static func trouble(_ progress: RelayProgress) -> String? {
        progress.standings.values.lazy.compactMap { standing in
            if case .troubled(let reason) = standing { reason } else { nil }
        }.first
    }
}
