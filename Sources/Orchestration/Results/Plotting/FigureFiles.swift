import Artifacts
import Foundation
import Layout

/// The figures of a run, each set in its own file.
package struct FigureFiles {
    /// The sets, by step.
    package let packs: [String]

    /// Looks for the figures in a run's folder.
    package init(in folder: String) throws(Failure) {
        let sets = try SizedFile.all(in: folder).map(\.name).compactMap { name in
            RunFolder.step(ofFigures: name).map { ($0, name) }
        }
        packs = sets.sorted { $0.0 < $1.0 }.map { folder + "/" + $0.1 }
    }

    /// Writes all figures into a folder.
    ///
    /// - Returns: How many there are.
    package func extract(to folder: String) throws -> Int {
        var count = 0
        try storing { () throws(FileError) in try DurableFile.createFolder(folder) }
        for path in packs {
            let pack = try FilePack(contentsOf: path)
            for entry in pack.entries where !entry.name.contains("/") {
                try DurableFile.write(pack.bytes(of: entry), to: folder + "/" + entry.name, flush: .nothing)
                count += 1
            }
        }
        return count
    }
}
