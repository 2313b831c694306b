public import Figures

/// The causal importances of several runs side by side: a grid of modules and runs, ordered by what sets the runs apart.
public struct ImportanceStudy {
    private struct ComparedRun {
        let name: String
        let value: String
        let seed: String?
        let maps: [HeatMap]

        var modules: [String] { maps.map(\.title) }
    }

    private let key: String
    private let runs: [ComparedRun]
    /// Runs that have no importances of single features, or of other modules than most, and why.
    public let leftOut: [String]

    /// The figure whose heat maps are compared.
    private static let shown = "causal_importances_upper_leaky"
    /// A subcomponent is live where some feature lights it up so much.
    private static let live: Float = 0.1
    /// More runs than this side by side cannot be read any more.
    static let most = 16

    /// Reads runs.
    ///
    /// - Parameters:
    ///   - sources: The runs, each with its value.
    ///   - key: What the values are of.
    ///   - threads: Threads to compute with.
    /// - Throws: `RunError.invalid` where no run has importances to show.
    public init(_ sources: [FigureSource], by key: String, threads: Int = 1) throws(RunError) {
        self.key = key
        var (runs, leftOut): ([ComparedRun], [String]) = ([], [])
        for source in sources {
            do throws(RunError) {
                let figures = try source.figures(threads: threads)
                let maps = figures.first { $0.name == Self.shown }?.panels.compactMap { panel in
                    if case .heatMap(let map) = panel { map } else { nil }
                }
                guard let maps, !maps.isEmpty else {
                    throw .invalid("\(source.name): it has no importances of single features")
                }
                runs.append(ComparedRun(name: source.name, value: source.value, seed: source.seed, maps: maps))
            } catch {
                leftOut.append("\(error)")
            }
        }
        guard let modules = Self.commonest(runs.map(\.modules)) else {
            throw .invalid(leftOut.first ?? "there are no runs to compare")
        }
        for run in runs where run.modules != modules {
            leftOut.append(
                "\(run.name): its modules are \(run.modules.joined(separator: ", ")), those of most runs "
                    + "\(modules.joined(separator: ", ")); name it with runs like it")
        }
        runs.removeAll { $0.modules != modules }
        guard runs.count <= Self.most else {
            throw .invalid(
                "\(runs.count) runs side by side cannot be read; name up to \(Self.most) of them, or draw a page (--html)"
            )
        }
        // Numbers by size, other values as they came; seeds next to each other.
        self.runs = runs.enumerated().sorted { a, b in
            let (x, y) = (Double(a.element.value), Double(b.element.value))
            if let x, let y, x != y { return x < y }
            return (a.element.value, a.offset) < (b.element.value, b.offset)
                || (a.element.value == b.element.value && a.offset < b.offset)
        }.map(\.element)
        self.leftOut = leftOut
    }

    /// The most common of them, and the first among equals.
    private static func commonest(_ lists: [[String]]) -> [String]? {
        let counts = lists.map { list in lists.count { $0 == list } }
        return counts.max().flatMap { most in zip(lists, counts).first { $0.1 == most }?.0 }
    }

    /// What each run is called: its value, and enough to distinguish it from the others.
    private var names: [String] {
        func areDistinct(_ names: [String]) -> Bool { Set(names).count == names.count }
        let values = runs.map(\.value)
        if areDistinct(values) { return values }
        let seeds = runs.map { run in run.value + (run.seed.map { ", seed \($0)" } ?? "") }
        return areDistinct(seeds) ? seeds : zip(seeds, runs).map { "\($0), \($1.name)" }
    }

    /// The figure: a row for each module, a column for each run.
    public var figure: Figure {
        let names = names
        let modules = runs[0].modules
        let panels = modules.indices.flatMap { row in
            runs.enumerated().map { column, run -> Panel in
                var map = run.maps[row]
                map.meaning = .init(
                    title: "\(modules[row]), \(names[column])", row: map.rowLabel, column: map.columnLabel,
                    value: map.valueLabel)
                map.title = (row == 0 ? "\(names[column]): " : "") + "\(Self.live(map.matrix)) live"
                map.rowLabel = column == 0 ? modules[row] : ""
                map.columnLabel = row == modules.count - 1 ? map.columnLabel : ""
                map.valueLabel = ""
                map.hasColorBar = column == runs.count - 1
                return .heatMap(map)
            }
        }
        let last = key.split(separator: ".").last.map(String.init) ?? key
        return Figure(
            name: "varying_\(last)_ci_vals", title: "Causal importances (upper leaky) by \(key)", panels: panels,
            columns: runs.count)
    }

    /// How many columns have a value over the threshold.
    private static func live(_ matrix: Matrix) -> Int {
        (0..<matrix.columns).count { column in (0..<matrix.rows).contains { matrix[$0, column] > live } }
    }
}
