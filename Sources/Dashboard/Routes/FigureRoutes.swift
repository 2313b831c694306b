import Artifacts
import Foundation
import JSON
import Layout
import Orchestration

/// The figures of one run: which there are, their pictures, and the numbers that they show.
struct FigureRoutes {
    let folder: RunFolder

    func reply(_ path: [String]) throws -> Reply? {
        let packs = try FigureFiles(in: folder.path).packs
        if path.isEmpty { return try list(packs) }
        guard path.count == 2, let step = Int(path[0]), packs.contains(folder.figures(step: step)) else { return nil }
        let pack = try FilePack(contentsOf: folder.figures(step: step))
        // Only names that the pack itself has mean anything.
        if path[1] == "numbers" { return try numbers(of: pack, step) }
        guard path[1].hasSuffix(".png"), let entry = pack.entries.first(where: { $0.name == path[1] }) else {
            return nil
        }
        var reply = Reply(type: "image/png", body: Data(try pack.bytes(of: entry)))
        reply.mayBeKept = true
        return reply
    }

    private func list(_ packs: [String]) throws -> Reply {
        struct Set: Encodable {
            let step: Int
            let figures: [String]
        }
        return try .json(
            packs.compactMap { path -> Set? in
                guard let step = RunFolder.step(ofFigures: String(path.dropFirst(folder.path.count + 1))) else {
                    return nil
                }
                let ending = "_\(step).png"
                let names = try FilePack(contentsOf: path).entries.map(\.name)
                    .filter { $0.hasSuffix(ending) && !$0.contains("/") }
                return Set(step: step, figures: names.map { String($0.dropLast(ending.count)) })
            })
    }

    /// The arrays that figures show, by figure, panel and array.
    private func numbers(of pack: FilePack, _ step: Int) throws -> Reply? {
        guard let entry = pack.entries.first(where: { $0.name == "numbers_\(step).safetensors" }) else { return nil }
        let file = try SafeTensors(pack.bytes(of: entry), of: folder.figures(step: step))
        var text = "{"
        for (name, array) in file.arrays.sorted(by: { $0.key < $1.key }) {
            if text.utf8.count > 1 { text += "," }
            JSONValue.write(quoted: name, to: &text)
            text += ":{\"shape\":[\(array.shape.map(String.init).joined(separator: ","))],\"values\":["
            for (index, value) in array.floats.enumerated() {
                if index > 0 { text += "," }
                text += value.isFinite ? "\(value)" : "null"
            }
            text += "]}"
        }
        var reply = Reply.json(text + "}")
        reply.mayBeKept = true
        return reply
    }
}
