import Artifacts
import Figures
import WandB

/// All figures of one step, and the file that they are in, next to the numbers that they show.
struct FigureSet: Sendable {
    let numbers: FigureNumbers
    /// What the user's figures show.
    let own: UserFigureNumbers
    /// The run's name.
    let run: String
    let step: Int
    let isLast: Bool
    /// The file.
    let path: String

    /// Where the file of numbers has the rest of what is drawn, so it can be drawn again.
    static let descriptionKey = "figures"

    /// What W&B shows of the numbers without pictures.
    var media: [(name: String, medium: Media)] {
        numbers.histograms + (isLast ? [("subcomponents", numbers.table)] : [])
    }

    /// Draws the figures and writes them with their numbers.
    ///
    /// - Returns: What W&B shows of them, by the published tool's names.
    /// - Throws: `FigureError`, `FileError`.
    func write(_ cairo: Cairo) throws -> [(name: String, medium: Media)] {
        let corner = "\(run), step \(step)"
        let figures = numbers.figures(corner: corner) + own.figures(corner: corner)
        let arrays = SafeTensors(
            arrays: Dictionary(
                figures.flatMap { figure in
                    figure.arrays.map { ("\(figure.name)/\($0.name)", .init(shape: $0.shape, $0.values)) }
                }, uniquingKeysWith: { first, _ in first }),
            metadata: [
                "run": run, "step": String(step), Self.descriptionKey: try FigureDescription.encode(figures),
            ]
        ).encoded()
        // Figures lost in a power cut are drawn again with the lost steps.
        let pack = try FilePack.write(
            figures.map { ("\($0.fileName)_\(step).png", try $0.png(cairo)) } + [
                ("numbers_\(step).safetensors", arrays)
            ],
            to: path, flush: .nothing)
        return media + zip(figures, pack.entries).map { ($0.name, .image(path: path, place: $1.place)) }
    }
}
