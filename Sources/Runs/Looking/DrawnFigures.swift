import Artifacts
public import Figures
import Foundation
import Layout

/// The figures that a run drew at a step, out of the file that it left, to be drawn again in any format.
public struct DrawnFigures: Sendable {
    /// The step.
    public let step: Int
    /// The figures, each with its numbers.
    public let figures: [Figure]

    /// Finds the sets of figures in a run's folder.
    ///
    /// - Returns: Their steps and files, by step.
    /// - Throws: `RunError` for a folder that can't be listed.
    public static func sets(in folder: String) throws(RunError) -> [(step: Int, path: String)] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw .invalid("\(folder): \(error.localizedDescription)")
        }
        return names.compactMap { name in RunFolder.step(ofFigures: name).map { ($0, folder + "/" + name) } }
            .sorted { $0.0 < $1.0 }
    }

    /// Reads a set of figures.
    ///
    /// - Throws: `RunError` for a file that is damaged, or from before figures could be drawn again.
    public init(contentsOf path: String) throws(RunError) {
        guard let step = RunFolder.step(ofFigures: URL(filePath: path).lastPathComponent) else {
            throw .invalid("\(path): expected a run's figures_<step>.zip")
        }
        do {
            let pack = try FilePack(contentsOf: path)
            guard let entry = pack.entries.last(where: { $0.name.hasSuffix(".safetensors") }) else {
                throw RunError.invalid(
                    "\(path) holds pictures only, without their numbers; `orchestrator show RUN --extract DIR` unpacks them"
                )
            }
            let numbers = try SafeTensors(bytes: pack.bytes(of: entry), source: path + " (\(entry.name))")
            guard let description = numbers.metadata[FigureSet.descriptionKey] else {
                throw RunError.invalid(
                    "\(path) is from an earlier version, which did not keep what figures are made of; "
                        + "`orchestrator show RUN --extract DIR` unpacks its pictures")
            }
            figures = try FigureDescription.decode(description) { figure, name in
                numbers.arrays["\(figure)/\(name)"].map {
                    NumberArray(named: name, shape: $0.shape, values: $0.floats)
                }
            }
            self.step = step
        } catch let error as RunError {
            throw error
        } catch {
            throw .invalid("\(error)".contains(path) ? "\(error)" : "\(path): \(error)")
        }
    }
}
