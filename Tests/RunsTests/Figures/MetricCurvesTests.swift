import Artifacts
import Figures
import Foundation
import TestFiles
import Testing

@testable import Runs

/// What runs have logged, as curves.
struct MetricCurvesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func source(_ name: String, group: String? = nil, _ rows: [String]) throws -> FigureSource {
        let path = folder.path + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try rows.joined().write(toFile: path + "/metrics.jsonl", atomically: true, encoding: .utf8)
        return try FigureSource(
            group.map { "{\"path\": \"\(path)\", \"group\": \"\($0)\"}" } ?? path)
    }

    private func row(_ step: Int, _ values: String) -> String { "{\"misc/step\": \(step), \(values)}\n" }

    private func array(_ name: String, of figure: Figure) -> [Float]? {
        figure.arrays.first { $0.name == name }?.values
    }

    @Test func aRunsMetricsThatBelongTogetherShareAPanel() throws {
        let run = try source(
            "run",
            [
                row(0, "\"loss/recon\": 1, \"a/ci_l0\": 2, \"b/ci_l0\": 3, \"user/mine\": 5"),
                row(10, "\"loss/recon\": 0.5, \"a/ci_l0\": 1, \"user/mine\": null"),
                // Cut short by a crash.
                "{\"misc/step\": 20, \"loss/re",
            ])
        let figure = try #require(try MetricCurves([run], corner: "run").figure)
        #expect(figure.name == "curves" && figure.corner == "run")
        #expect(
            figure.panels.map(\.title) == ["Reconstruction", "L0 of the causal importances", "user/mine"])
        #expect(array("Reconstruction/0/x", of: figure) == [0, 10])
        #expect(array("Reconstruction/0/y", of: figure) == [1, 0.5])
        #expect(array("L0 of the causal importances/a/y", of: figure) == [2, 1])
        #expect(array("L0 of the causal importances/b/y", of: figure) == [3], "nothing was logged at step 10")
        #expect(array("user/mine/0/y", of: figure) == [5])
    }

    @Test func seedsAreOneLineWithABandAndOtherSettingsAnother() throws {
        let runs = [
            try source("a", group: "10", [row(0, "\"mmcs\": 0.5"), row(5, "\"mmcs\": 1")]),
            try source("b", group: "2", [row(0, "\"mmcs\": 0.25"), row(5, "\"mmcs\": 0.75")]),
            try source("c", group: "2", [row(0, "\"mmcs\": 0.75"), row(5, "\"mmcs\": 0.25"), row(9, "\"mmcs\": 1")]),
        ]
        let figure = try #require(try MetricCurves(runs, corner: "").figure)
        #expect(figure.title.contains("mean of up to 2 runs"))
        #expect(array("mmcs/2/y", of: figure) == [0.5, 0.5, 1] && array("mmcs/2/x", of: figure) == [0, 5, 9])
        #expect(array("mmcs/2 band/low", of: figure) == [0.25, 0.25, 1])
        #expect(array("mmcs/2 band/high", of: figure) == [0.75, 0.75, 1])
        #expect(array("mmcs/10/y", of: figure) == [0.5, 1] && array("mmcs/10 band/low", of: figure) == nil)
        let cairo = try Cairo()
        let svg = try figure.svg(cairo)
        #expect(svg.components(separatedBy: "<polygon").count == 2, "one band")
        #expect(try !figure.png(cairo).isEmpty && !figure.pdf(cairo).isEmpty)
        let again = try FigureDescription.decode(try FigureDescription.encode([figure])) { _, name in
            figure.arrays.first { $0.name == name }
        }
        #expect(try again[0].svg(cairo) == svg, "it is drawn again from its numbers")
    }

    @Test func whatCannotBeDrawnIsTold() throws {
        let broken = try source("broken", ["{\"misc/step\": 0}\n", "rubbish\n"])
        let error = #expect(throws: RunError.self) { try MetricCurves([broken], corner: "") }
        #expect(error?.description.contains("broken/metrics.jsonl:2: is not a row of metrics") == true)
        let many = try (0..<9).map { try source("run\($0)", [row(0, "\"mmcs\": 1")]) }
        let tooMany = #expect(throws: RunError.self) { try MetricCurves(many, corner: "") }
        #expect(tooMany?.description.contains("9 kinds of run in one panel cannot be told apart") == true)
        #expect(try MetricCurves([source("empty", [])], corner: "").figure == nil)
    }

    @Test func aLongRunIsThinnedAndSaysSo() throws {
        let run = try source("long", (0...1000).map { row($0, "\"loss/total\": \(1000 - $0)") })
        let figure = try #require(try MetricCurves([run], corner: "").figure)
        let steps = try #require(array("loss/total/0/x", of: figure))
        #expect(steps.count == 400 && steps.first == 0 && steps.last == 1000)
        guard case .plot(let plot) = figure.panels[0] else { return }
        #expect(plot.note == "400 of 1001 rows")
    }

    @Test func whatNeverChangesHasAScaleOfItsOwnSize() throws {
        let run = try source("flat", [row(0, "\"misc/lr\": 0.001"), row(5, "\"misc/lr\": 0.001")])
        let svg = try #require(try MetricCurves([run], corner: "").figure).svg(Cairo())
        #expect(svg.contains(">0.0010<") && !svg.contains(">0.4<"))
    }
}
