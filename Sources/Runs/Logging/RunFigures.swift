import Artifacts
import Experiments
import Figures
import Kernels
import Layout
import WandB

/// The figures of a run: at which steps there are some, and the file that they are in.
///
/// They never fail a run: why there are none is reported once.
struct RunFigures {
    private let config: ExperimentConfig
    private let folder: RunFolder
    private let cairo: Cairo?
    private let say: @Sendable (String) -> Void
    private var prepared: (step: Int, numbers: FigureNumbers)?
    private var hasSaidWhy = false

    /// Prepares figures, which are drawn by the first of some libraries that is found.
    init(_ config: ExperimentConfig, folder: RunFolder, libraries: [String], say: @escaping @Sendable (String) -> Void)
    {
        self.config = config
        self.folder = folder
        self.say = say
        guard config.imageFreq != nil else {
            cairo = nil
            return
        }
        do {
            cairo = try Cairo(libraries: libraries)
        } catch {
            cairo = nil
            say("there will be no figures: \(error)")
        }
    }

    /// Takes down what the figures of the decomposition's next step show, if it has some.
    ///
    /// - Parameters:
    ///   - decomposition: What to look at; it is not changed.
    ///   - goesOn: Asked every now and then.
    /// - Returns: Whether to go on: false if `goesOn` said no, and the step has to be looked at again.
    mutating func prepare(_ decomposition: any Decomposition, goesOn: () -> Bool) -> Bool {
        prepared = nil
        let step = decomposition.step
        guard areDue(at: step) else { return true }
        do {
            guard let picture = try decomposition.picture(batches: config.nEvalSteps, goesOn: goesOn) else {
                return false
            }
            prepared = (step, FigureNumbers(picture))
        } catch {
            sayOnce(step, error)
        }
        return true
    }

    private func areDue(at step: Int) -> Bool { cairo != nil && config.hasFigures(at: step) }

    /// Whether figures were prepared that are not written yet.
    var areReady: Bool { prepared != nil }

    /// Draws the figures that were prepared and writes them.
    ///
    /// - Returns: What to show beside the step's metrics, by the published tool's names for figures; and histograms,
    ///   and at the last step a table, of the same numbers.
    mutating func write() -> [(name: String, medium: Media)] {
        guard let cairo, let (step, numbers) = prepared else { return [] }
        prepared = nil
        var media = numbers.histograms
        if step == config.steps { media.append(("subcomponents", numbers.table)) }
        do {
            let path = folder.figures(step: step)
            let figures = numbers.figures
            // What a power cut takes is drawn again with the steps that it takes.
            let pack = try FilePack.write(
                figures.map { ("\($0.name)_\(step).png", try $0.png(cairo)) }, to: path, flush: .nothing)
            media += zip(figures, pack.entries).map { ($0.name, .image(path: path, place: $1.place)) }
        } catch {
            sayOnce(step, error)
        }
        return media
    }

    private mutating func sayOnce(_ step: Int, _ error: any Error) {
        if !hasSaidWhy { say("figures of step \(step) are missing: \(error)") }
        hasSaidWhy = true
    }
}
