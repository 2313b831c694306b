import Artifacts
import Figures
import Foundation

/// Makes the page of a run, with its steps, or of several runs, side by side.
public struct FigurePageMaker {
    private let sources: [FigureSource]
    private let title: String
    private let key: String?
    private let figures: [String]
    private let threads: Int

    /// More steps or runs than this make a page that no browser likes to hold; some are left out then, and said to be.
    private static let most = 40

    /// Prepares a page.
    ///
    /// - Parameters:
    ///   - sources: What to show.
    ///   - title: The page's title.
    ///   - key: What several runs are compared by; nil: nothing.
    ///   - figures: The names of the figures to show; none: all.
    ///   - threads: Threads to compute with.
    public init(_ sources: [FigureSource], title: String, by key: String?, figures: [String] = [], threads: Int = 1) {
        self.sources = sources
        self.title = title
        self.key = key
        self.figures = figures
        self.threads = threads
    }

    /// Writes the page.
    ///
    /// - Parameter path: The file.
    /// - Throws: `RunError` where there is nothing to show; `FigureError`, `FileError`.
    public func write(to path: String) throws {
        let page = try sources.count == 1 ? runPage(sources[0]) : jobPage()
        guard !(page.frames.isEmpty && page.above.isEmpty && page.below.isEmpty) else {
            throw RunError.invalid(
                "no figure '\(figures.joined(separator: "', '"))' here; --list names those there are")
        }
        let html = try page.html(try Cairo())
        try DurableFile.createFolder(URL(filePath: path).deletingLastPathComponent().path)
        try DurableFile.write(html, to: path, flush: .nothing)
    }

    /// The figures to show: each module's own histogram is in the one of all modules, too.
    private func chosen(_ all: [Figure]) -> [Figure] {
        guard figures.isEmpty else { return all.filter { figures.contains($0.name) } }
        guard all.contains(where: { $0.name == "mask_vals" }) else { return all }
        return all.filter { !$0.name.hasPrefix("mask_vals_") }
    }

    private func runPage(_ source: FigureSource) throws -> FigurePage {
        var facts: [String] = []
        let kept = source.sets.spread(most: Self.most)
        if kept.count < source.sets.count {
            facts.append("\(kept.count) of \(source.sets.count) steps with figures are shown.")
        }
        var frames: [FigurePage.Frame] = []
        for set in kept {
            do {
                let drawn = chosen(try DrawnFigures(contentsOf: set.path).figures)
                if !drawn.isEmpty { frames.append(.init(label: String(set.step), figures: drawn)) }
            } catch {
                facts.append("Step \(set.step) is missing: \(error)")
            }
        }
        let all: [Figure]
        do { all = try source.figures(threads: threads) } catch {
            guard !frames.isEmpty else { throw error }
            if !facts.contains(where: { $0.hasSuffix("\(error)") }) { facts.append("\(error)") }
            return FigurePage(title: title, facts: facts, slides: "Step", frames: frames)
        }
        let shown = Set(frames.last?.figures.map(\.name) ?? [])
        let rest = chosen(all).filter { !shown.contains($0.name) }
        return FigurePage(
            title: title, facts: facts, slides: "Step", frames: frames,
            above: rest.filter { $0.name == MetricCurves.name }, below: rest.filter { $0.name != MetricCurves.name })
    }

    private func jobPage() throws -> FigurePage {
        var facts: [String] = []
        var above: [Figure] = []
        if figures.isEmpty || figures.contains(MetricCurves.name) {
            do throws(RunError) {
                if let curves = try MetricCurves(sources, corner: "").figure { above.append(curves) }
            } catch {
                facts.append("Curves are missing: \(error)")
            }
        }
        if let key, figures.isEmpty {
            do throws(RunError) {
                let study = try ImportanceStudy(
                    sources.spread(most: ImportanceStudy.most), by: key, threads: threads)
                above.append(study.figure)
                facts += study.leftOut.map { "Not side by side: \($0)" }
            } catch {
                facts.append("Nothing stands side by side: \(error)")
            }
        }
        let kept = sources.spread(most: Self.most)
        if kept.count < sources.count { facts.append("\(kept.count) of \(sources.count) runs are shown.") }
        var frames: [FigurePage.Frame] = []
        for source in kept {
            do {
                let drawn = chosen(try source.figures(threads: threads)).filter { $0.name != MetricCurves.name }
                if !drawn.isEmpty { frames.append(.init(label: source.label, figures: drawn)) }
            } catch {
                facts.append("\(source.name) is missing: \(error)")
            }
        }
        return FigurePage(title: title, facts: facts, slides: "Run", frames: frames, above: above)
    }
}
