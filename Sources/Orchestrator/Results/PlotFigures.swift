import ArgumentParser
import Foundation
import Orchestration
import Store

/// Draws figures of finished runs, or of published weights, without training.
struct PlotFigures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draw figures of runs, a job or published weights, without training.",
        discussion: """
            EXAMPLES
              orchestrator plot k3j9 --list
              orchestrator plot k3j9 --out figures --format svg,pdf
              orchestrator plot k3j9 --figure tms_vectors --step 20000
              orchestrator plot k3j9 --figure curves        losses, L0 and all other metrics over steps
              orchestrator plot 7 --figure curves           all runs, seeds combined with a band
              orchestrator plot 7 --by importance_minimality_coeff
              orchestrator plot 7 --figure causal_importances_upper_leaky
              orchestrator plot k3j9 --html                 one self-contained page, k3j9.html
              orchestrator plot published/model_20000.pth --out figures

            Draws the figures from training, in any format, and those computed from the weights. Next to each are the
            numbers it shows, as <name>.safetensors. With several runs, each has its own folder. --by draws the
            importances of all runs side by side, by a key of their configs; with --figure curves, the curves by that key.
            """)

    @Argument(
        help: ArgumentHelp(
            "Runs' names or their beginnings, jobs' numbers, weights or folders.", valueName: "what"),
        completion: CompletionWords.jobsAndRuns)
    var names: [String]

    @Option(help: ArgumentHelp("Which figure; repeatable (default: all).", valueName: "name"))
    var figure: [String] = []

    @Option(help: ArgumentHelp("Compare runs by a key of their configs.", valueName: "key"))
    var by: String?

    @Option(help: ArgumentHelp("The step to draw (default: the last).", valueName: "step"))
    var step: Int?

    @Option(help: ArgumentHelp("png, svg, pdf, or several separated by commas.", valueName: "formats"))
    var format: String?

    @Option(
        help: ArgumentHelp("The folder to draw into (default: figures); with --html, the page.", valueName: "path"))
    var out: String?

    @Flag(help: "Write one page with all figures, all steps or all runs, to open in a browser.")
    var html = false

    @Flag(help: "List the figures for this kind of run, and draw nothing.")
    var list = false

    private static let formats = ["png", "svg", "pdf"]

    private var chosenFormats: [String] {
        (format ?? "png").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
    }

    func validate() throws {
        for format in chosenFormats where !Self.formats.contains(format) {
            throw ValidationError("--format '\(format)': expected png, svg or pdf")
        }
        if chosenFormats.isEmpty { throw ValidationError("--format: expected png, svg or pdf") }
        if html, format != nil { throw ValidationError("--html writes a page; leave --format out") }
        if html, step != nil { throw ValidationError("--html shows all steps; leave --step out") }
        if html, list { throw ValidationError("--html writes a page, --list nothing; choose one") }
        if names.isEmpty { throw ValidationError("expected a run, a job, weights or a folder") }
    }

    @OptionGroup var source: ArchiveOption

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let drawn = try await failing {
            guard source.archive == nil else {
                return try await source.open { state in
                    try draw(try await PlotSources(named: names, in: state), environment)
                }
            }
            return try draw(
                try await PlotSources(named: names, in: await OpenStore.open(for: .looking)), environment)
        }
        print(drawn.said, terminator: "")
        if !drawn.isWhole { throw ExitCode(1) }
    }

    /// Draws what was asked for, and says what, and whether all of it could be drawn.
    private func draw(
        _ sources: PlotSources, _ environment: [String: String]
    ) throws -> (said: String, isWhole: Bool) {
        if !sources.empty.isEmpty {
            printError(
                "left out, with nothing to draw yet: \(sources.empty.map(\.rawValue).joined(separator: " "))")
        }
        if !sources.gone.isEmpty {
            printError(
                "left out, their folders are gone: \(sources.gone.map(\.rawValue).joined(separator: " "))")
        }
        var plotting = Plotting(sources, environment: environment)
        (plotting.step, plotting.figures, plotting.formats) = (step, figure, chosenFormats)
        if list { return (try plotting.list(), true) }
        if html {
            let name = URL(filePath: names[0]).lastPathComponent
            let isJob = if case .job = Reference(names[0]) { true } else { false }
            let page = try plotting.writePage(
                by: by, to: out ?? (isJob ? "job_\(name).html" : "\(name).html"), title: sources.title(named: names))
            return (page, true)
        }
        let wantsStudy = figure.isEmpty || figure.contains { $0 != Plotting.curves }
        let study = try by.map { wantsStudy ? try plotting.drawStudy(by: $0, into: out ?? "figures") : "" } ?? ""
        if by != nil, figure.isEmpty { return (study, true) }
        let drawn = try plotting.draw(by: by, into: out ?? "figures")
        for trouble in drawn.troubles { printError("\(trouble)") }
        return (study + drawn.files, drawn.troubles.isEmpty)
    }
}
