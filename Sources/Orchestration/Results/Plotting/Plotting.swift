/// Has the worker draw figures.
package struct Plotting {
    private let sources: PlotSources
    private let environment: [String: String]
    /// The step to draw; nil: the last.
    package var step: Int?
    /// The figures' names; none: all.
    package var figures: [String] = []
    /// `png`, `svg`, `pdf`.
    package var formats = ["png"]

    /// The figure that shows several runs together.
    package static let curves = "curves"
    /// How long a run's figures may take, on a machine that is busy with other runs.
    private static let patience = Duration.seconds(600)

    /// Prepares drawing.
    package init(_ sources: PlotSources, environment: [String: String]) {
        self.sources = sources
        self.environment = environment
    }

    /// The names and titles of the figures that there are, one line each; of several runs those of the first.
    ///
    /// - Throws: ``Failure``.
    package func list() throws(Failure) -> String {
        guard let first = sources.sources.first else { return "" }
        let figures = try ask(["plot", sources.question(first, by: nil)] + options(for: figures))
        guard sources.sources.count > 1 else { return figures }
        return figures
            + "curves\tMetrics of all runs over steps, seeds together\nvarying_<key>_ci_vals\tImportances of all runs side by side (--by <key>)\n"
    }

    /// Draws each run's figures, those of several into folders of their own and the curves of all together.
    ///
    /// A run that can't be drawn keeps none of the others from being drawn.
    ///
    /// - Parameters:
    ///   - key: What curves are compared by; nil: everything that the sweep varies but seeds.
    ///   - folder: Where they go.
    /// - Returns: The files that were written, one line each, and what was wrong with runs that could not be drawn.
    /// - Throws: ``Failure`` where no run could be drawn.
    package func draw(by key: String?, into folder: String) throws(Failure) -> (files: String, troubles: [Failure]) {
        var (said, troubles): (String, [Failure]) = ("", [])
        let own = figures.filter { !sources.isStudy || $0 != Self.curves }
        if sources.isStudy, figures.isEmpty || own.count < figures.count {
            do throws(Failure) { said += try drawCurves(by: key, into: folder) } catch { troubles.append(error) }
        }
        for source in figures.isEmpty || !own.isEmpty ? sources.sources : [] {
            try Interruption.check()
            let place = sources.isStudy ? folder + "/" + sources.folder(of: source) : folder
            do throws(Failure) {
                said += try ask(
                    ["plot", sources.question(source, by: nil), "--out", place] + options(for: own))
            } catch {
                troubles.append(error)
            }
        }
        if said.isEmpty, let first = troubles.first { throw first }
        return (said, troubles)
    }

    private func drawCurves(by key: String?, into folder: String) throws(Failure) -> String {
        let title = key.map { ["--title", "by \($0)"] } ?? []
        return try ask(
            ["plot-curves"] + questions(by: key) + ["--out", folder] + title + formats.flatMap { ["--format", $0] })
    }

    /// Draws the runs' importances side by side, by the value of a key.
    ///
    /// - Returns: The files that were written, one line each.
    /// - Throws: ``Failure``.
    package func drawStudy(by key: String, into folder: String) throws(Failure) -> String {
        let questions = try questions(by: key)
        return try ask(
            ["plot-study"] + questions + ["--by", key, "--out", folder] + formats.flatMap { ["--format", $0] })
    }

    /// Writes a page that shows everything and needs nothing else.
    ///
    /// - Parameters:
    ///   - key: What several runs are compared by; nil: the first number that the sweep varies.
    ///   - file: Where it goes.
    ///   - title: What it is called.
    /// - Returns: The file that was written, a line.
    /// - Throws: ``Failure``.
    package func writePage(by key: String?, to file: String, title: String) throws(Failure) -> String {
        var key = key
        if key == nil { key = try sources.variedKey() }
        let questions = try questions(by: key)
        return try ask(
            ["plot-page"] + questions + ["--out", file, "--title", title] + (key.map { ["--by", $0] } ?? [])
                + figures.flatMap { ["--figure", $0] })
    }

    private func questions(by key: String?) throws(Failure) -> [String] {
        try sources.sources.map { source throws(Failure) in try sources.question(source, by: key) }
    }

    private func options(for figures: [String]) -> [String] {
        figures.flatMap { ["--figure", $0] } + formats.flatMap { ["--format", $0] }
            + (step.map { ["--step", String($0)] } ?? [])
    }

    private func ask(_ arguments: [String]) throws(Failure) -> String {
        String(
            decoding: try RunWeights.ask(arguments, patience: Self.patience, environment: environment), as: UTF8.self)
    }
}
