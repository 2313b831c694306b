import Artifacts
public import Figures

/// A kind of file that figures are drawn as.
public enum FigureFormat: String, CaseIterable, Sendable {
    case png
    case svg
    case pdf
}

/// Draws figures into a folder, with the numbers that they show next to them.
public struct FigureWriter {
    private let cairo: Cairo

    /// Loads what draws.
    ///
    /// - Throws: `FigureError` where Cairo is missing.
    public init() throws(FigureError) { cairo = try Cairo() }

    /// Draws figures; all are drawn before any is written, so one that can't be drawn leaves nothing half done.
    ///
    /// - Parameters:
    ///   - figures: What to draw.
    ///   - formats: As what; each figure's numbers come as `<name>.safetensors` besides.
    ///   - folder: Where to; created if it does not exist.
    /// - Returns: The files that were written.
    /// - Throws: `FigureError`, `FileError`.
    @discardableResult
    public func write(_ figures: [Figure], as formats: [FigureFormat], into folder: String) throws -> [String] {
        var files: [(path: String, bytes: [UInt8])] = []
        // Pictures before pages: a PDF leaves glyphs in Cairo's cache that differ slightly from a PNG's.
        for format in FigureFormat.allCases where formats.contains(format) {
            for figure in figures {
                let bytes =
                    switch format {
                    case .png: try figure.png(cairo)
                    case .svg: Array(try figure.svg(cairo).utf8)
                    case .pdf: try figure.pdf(cairo)
                    }
                files.append(("\(folder)/\(figure.fileName).\(format.rawValue)", bytes))
            }
        }
        for figure in figures {
            let arrays = Dictionary(
                figure.arrays.map { ($0.name, SafeTensors.Array(shape: $0.shape, $0.values)) },
                uniquingKeysWith: { first, _ in first })
            files.append(("\(folder)/\(figure.fileName).safetensors", SafeTensors(arrays: arrays).encoded()))
        }
        try DurableFile.createFolder(folder)
        DurableFile.removeUnfinished(of: Set(files.map { String($0.path.dropFirst(folder.count + 1)) }), in: folder)
        for file in files { try DurableFile.write(file.bytes, to: file.path, flush: .nothing) }
        return files.map(\.path)
    }
}
