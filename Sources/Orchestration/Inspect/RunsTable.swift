import Foundation
package import Metrics
package import Store

/// A job's runs, one line each: what one watches first, what may wrap or be left out last.
package struct RunsTable {
    /// How much room there is.
    package enum Room: Equatable {
        /// No line is ever too long.
        case unlimited
        /// Longer lines wrap: numbers must not, names and settings may.
        case wrapping(Int)
        /// Longer lines cannot be shown: settings are shortened, what matters least is left out.
        case cut(Int)
    }

    private struct Column {
        let title: String
        let alignment: TextTable.Alignment
        var cells: [TextTable.Cell]
        /// Columns of higher importance are given room first; `nil` is shown wherever it fits.
        var importance: Int?

        var isUsed: Bool { cells.contains { !$0.text.isEmpty } }
        /// Its width and the gap before the next.
        var width: Int { cells.reduce(title.columnCount) { max($0, $1.width) } + 2 }
    }

    private let columns: [Column]
    private let settings: [Overrides?]

    package init(
        _ shown: [Run], settings: [RunID: Overrides], common: Overrides?, results: [Metric], atRest: Set<AgentID?>
    ) {
        typealias Recipe = (column: Column, cell: @Sendable (Run) -> TextTable.Cell)
        func column(
            _ title: String, _ alignment: TextTable.Alignment = .right, importance: Int? = nil,
            _ cell: @escaping @Sendable (Run) -> TextTable.Cell
        ) -> Recipe {
            (Column(title: title, alignment: alignment, cells: [], importance: importance), cell)
        }
        let isVaried = Set(shown.map(\.experiment)).count > 1
        let loss = Metric.totalLoss
        self.settings = shown.map { settings[$0.id] }
        let recipes =
            [
                column("RUN", .left) { .init($0.id.rawValue) },
                column(Self.stateTitle, .left) { .init($0.status.rawValue, Self.color($0.status)) },
                column("STEP") { .init("\($0.progress.step)/\($0.progress.steps)") },
                column("", importance: 2) { run in
                    .init("\(run.progress.steps > 0 ? 100 * run.progress.step / run.progress.steps : 0)%")
                },
                column(Self.timeTitle) {
                    .init(atRest.contains($0.agent) ? "" : $0.remaining.map(StatusText.time) ?? "")
                },
                column(loss.column ?? loss.name) { run in
                    // Progress stops a moment before the end; the final metrics are from the end.
                    .init((run.metrics[loss.name] ?? run.progress.losses[loss.name]).map(loss.text) ?? "")
                },
            ]
            + results.map { metric in
                column(metric.column ?? metric.name, importance: 3) { run in
                    .init(run.metrics[metric.name].map(metric.text) ?? "")
                }
            } + [
                column("ATTEMPT", importance: 1) { .init($0.attempt > 1 ? String($0.attempt) : "") },
                column("EXPERIMENT", .left, importance: isVaried ? 5 : 0) { .init($0.experiment) },
                column(Self.settingsTitle, .left, importance: 4) {
                    .init(settings[$0.id]?.text(without: common) ?? "")
                },
            ]
        // One run after another: fetching each again for every column costs more than its text.
        let cells = recipes.map(\.cell)
        let rows = AllCores.map(shown.indices) { range in shown[range].map { run in cells.map { $0(run) } } }
        columns = recipes.enumerated().map { place, recipe in
            var column = recipe.column
            column.cells = rows.map { $0[place] }
            return column
        }
        self.common = common
    }

    private let common: Overrides?
    private static let (stateTitle, timeTitle, settingsTitle) = ("STATE", "LEFT", "SETTINGS")
    /// Fewer characters than this say nothing about a run's settings.
    private static let leastForSettings = 10

    /// The lines, the titles first.
    package func lines(_ room: Room, _ style: TerminalStyle) -> [String] {
        var kept = columns.filter(\.isUsed)
        switch room {
        case .unlimited: break
        case .wrapping(let width):
            // What is not a number comes last and may wrap.
            var used = -2
            kept = kept.filter { column in
                used += column.width
                return column.importance != 3 || used <= width
            }
        case .cut(let width): kept = cut(kept, to: width)
        }
        var table = TextTable(kept.map { ($0.title, $0.alignment) })
        for row in settings.indices { table.add(kept.map { $0.cells[row] }) }
        return table.lines(style)
    }

    private func cut(_ all: [Column], to width: Int) -> [Column] {
        var columns = all
        // A number is shown as a whole or not at all; the headline shows the time left, the step whether a run
        // continues.
        for title in [Self.timeTitle, Self.stateTitle] {
            let needed = columns.filter { $0.importance == nil }.reduce(-2) { $0 + $1.width }
            if needed > width { columns.removeAll { $0.title == title } }
        }
        var left = width + 2 - columns.filter { $0.importance == nil }.map(\.width).reduce(0, +)
        var chosen: Set<String> = []
        var roomForSettings = 0
        let optional = columns.filter { $0.importance != nil }
            .sorted { ($0.importance ?? 0) > ($1.importance ?? 0) }
        for column in optional {
            if column.title == Self.settingsTitle {
                var short = column
                short.cells = settings.map { .init($0?.shortText(without: common) ?? "") }
                roomForSettings = min(short.width, left)
                guard roomForSettings >= Self.leastForSettings else { continue }
                left -= roomForSettings
            } else {
                guard column.width <= left else { continue }
                left -= column.width
            }
            chosen.insert(column.title)
        }
        return columns.filter { $0.importance == nil || chosen.contains($0.title) }.map { column in
            guard column.title == Self.settingsTitle else { return column }
            var fitted = column
            let room = roomForSettings + left - 2
            let isWhole = column.cells.allSatisfy { $0.width <= room }
            fitted.cells = zip(column.cells, settings).map { cell, settings in
                let text = isWhole ? cell.text : settings?.shortText(without: common) ?? ""
                return .init(text.count <= room ? text : text.prefix(room - 1) + "…")
            }
            return fitted
        }
    }

    private static func color(_ status: RunStatus) -> TextColor? {
        switch status {
        case .pending: .dim
        case .running: .yellow
        case .done: .green
        case .stopped: .yellow
        case .failed: .red
        case .cancelled: .dim
        }
    }
}
