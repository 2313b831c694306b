import Experiments
import Figures
import Foundation
import Kernels
import Layout

/// The figures of a run: at which steps there are some, and the file that they are in.
///
/// They never fail a run: why there are none is reported once. Training waits only while their numbers are taken down, and
/// for the set before if that is still being drawn.
struct RunFigures {
    private let config: ExperimentConfig
    private let folder: RunFolder
    private let cairo: Cairo?
    private let tokenNames: TokenNames?
    private let say: @Sendable (String) -> Void
    private var prepared: (step: Int, numbers: FigureNumbers, own: UserFigureNumbers)?
    private var hasSaidWhy = false
    private var drawing: Drawing?

    /// Prepares figures, which are drawn by the first of some libraries that is found.
    ///
    /// - Parameters:
    ///   - config: The run's config.
    ///   - folder: Where the figures go.
    ///   - libraries: The libraries.
    ///   - tokenNames: What tokens are called, where inputs are text.
    ///   - say: Told why there are none.
    init(
        _ config: ExperimentConfig, folder: RunFolder, libraries: [String], tokenNames: TokenNames? = nil,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.config = config
        self.tokenNames = tokenNames
        self.folder = folder
        self.say = say
        guard config.hasFigures else {
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
    ///   - own: The user's own figures, if there are some.
    ///   - goesOn: Asked every now and then.
    /// - Returns: Whether to continue: false if `goesOn` said no, and the step has to be looked at again.
    mutating func prepare(
        _ decomposition: any Decomposition, own: UserMetricValues?, goesOn: () -> Bool
    ) -> Bool {
        prepared = nil
        let step = decomposition.step
        guard areDue(at: step) else { return true }
        do {
            guard let picture = try decomposition.picture(batches: config.nEvalSteps, goesOn: goesOn) else {
                return false
            }
            let figures = own?.hasFigures == true ? try own?.figures(of: decomposition) : nil
            prepared = (step, FigureNumbers(picture, tokenNames: tokenNames), figures ?? UserFigureNumbers(figures: []))
        } catch {
            sayOnce(step: step, "\(error)")
        }
        return true
    }

    private func areDue(at step: Int) -> Bool { cairo != nil && config.hasFigures(at: step) }

    /// Whether figures were prepared that are not drawn yet.
    var areReady: Bool { prepared != nil }

    /// Begins to draw the figures that were prepared, on their own thread, once the ones before are done.
    ///
    /// - Returns: What to show next to the step's metrics, by the published tool's names for figures; and histograms,
    ///   and at the last step a table, of the same numbers. Nil if no figures were prepared.
    mutating func draw() -> Drawing? {
        guard let cairo, let (step, numbers, own) = prepared else { return nil }
        prepared = nil
        if let reason = drawing?.failure { sayOnce(step: drawing?.step ?? step, reason) }
        let set = FigureSet(
            numbers: numbers, own: own, run: URL(filePath: folder.path).lastPathComponent, step: step,
            isLast: step == config.steps,
            path: folder.figures(step: step))
        let drawing = Drawing(step: step) { () throws in
            try set.write(cairo)
        } otherwise: {
            set.media
        }
        self.drawing = drawing
        return drawing
    }

    /// Waits for what is being drawn.
    mutating func finish() {
        guard let drawing else { return }
        _ = drawing.media
        if let reason = drawing.failure { sayOnce(step: drawing.step, reason) }
        self.drawing = nil
    }

    private mutating func sayOnce(step: Int, _ reason: String) {
        if !hasSaidWhy { say("figures of step \(step) are missing: \(reason)") }
        hasSaidWhy = true
    }
}
