import Artifacts
import Figures
import Foundation
import Layout
import TestFiles
import Testing

@testable import Runs

/// Figures that are drawn again from what a run has left.
struct FigureSourceTests {
    private let folder: TemporaryFolder
    private let plan: RunPlan

    init() throws {
        folder = try TemporaryFolder()
        plan = try Example.plan(folder, extra: "image_freq: 30")
        try Example.perform(plan)
    }

    @Test func aRunsFiguresAreDrawnAgainByteForByte() throws {
        let figures = try FigureSource(plan.folder.path).figures()
        let pack = try FilePack(contentsOf: plan.folder.figures(step: 60))
        let cairo = try Cairo()
        let drawn = pack.entries.filter { $0.name.hasSuffix("_60.png") }
        #expect(drawn.count == 7)
        for entry in drawn {
            let figure = try #require(figures.first { "\($0.name)_60.png" == entry.name })
            #expect(try figure.png(cairo) == pack.bytes(of: entry), "\(entry.name)")
        }
        #expect(figures.contains { $0.name == "cosine_similarity_analysis" }, "and what its weights amount to")
        let early = try FigureSource(plan.folder.path).figures(step: 30)
        #expect(early.map(\.corner).allSatisfy { $0 == "run, step 30" } && early.count == 7, "no weights of step 30")
    }

    @Test func aRunThatDrewNothingIsDrawnFromItsWeights() throws {
        try FileManager.default.removeItem(atPath: plan.folder.figures(step: 60))
        try FileManager.default.removeItem(atPath: plan.folder.figures(step: 30))
        try FileManager.default.removeItem(atPath: plan.folder.figures(step: 0))
        let wanted = try Example.plan(folder, run: "again", extra: "figures: last")
        try Example.perform(wanted)
        let drawn = try DrawnFigures(contentsOf: wanted.folder.figures(step: 60)).figures
        let anew = try FigureSource(plan.folder.path).figures()
        for name in ["causal_importances", "causal_importances_upper_leaky", "UV_matrices"] {
            let (a, b) = (try #require(drawn.first { $0.name == name }), try #require(anew.first { $0.name == name }))
            #expect(a.panels.map(\.title) == b.panels.map(\.title))
            let worst = zip(a.arrays, b.arrays).map { x, y in
                zip(x.values, y.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
            }.max()
            #expect(try #require(worst) < 2e-3, "\(name): gates were interpolated while it was trained")
        }
    }

    @Test func whatCannotBeDrawnIsNamed() throws {
        func message(_ body: () throws -> Void) -> String {
            let error = #expect(throws: RunError.self) { try body() }
            return error.map { "\($0)" } ?? ""
        }
        #expect(message { _ = try FigureSource(plan.folder.path).figures(step: 31) }.contains("there are 0, 30, 60"))
        let empty = folder.path + "/empty"
        try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
        #expect(message { _ = try FigureSource(empty) }.contains("expected model_<step>.safetensors"))
        #expect(message { _ = try FigureSource(empty + "/none") }.contains("no such file"))
        let path = plan.folder.figures(step: 60)
        let bytes = try DurableFile.read(path, limit: 1 << 24)
        // Cut short; one byte turned in the numbers, which come last; and no archive at all.
        for broken in [Array(bytes.prefix(bytes.count / 2)), flipped(bytes), Array("zip".utf8)] {
            try DurableFile.write(broken, to: path, flush: .nothing)
            #expect(message { _ = try FigureSource(path).figures() }.contains("figures_60.zip"))
            #expect(try FigureSource(plan.folder.path).figures().count > 7, "its weights are still there")
        }
    }

    private func flipped(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes[bytes.count - 4000] ^= 0xFF
        return bytes
    }
}
