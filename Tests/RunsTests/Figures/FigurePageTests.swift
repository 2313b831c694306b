import Browser
import Experiments
import Figures
import Foundation
import JSON
import Layout
import TestFiles
import Testing

@testable import Runs

/// The page with a run's figures.
struct FigurePageTests {
    private let folder: TemporaryFolder
    private let plan: RunPlan
    private let page: String
    /// A name that would be markup if anybody forgot to escape it.
    private static let hostile = "</script></title><img src=x onerror=\"document.title='broken'\"> & 'co'"

    init() throws {
        folder = try TemporaryFolder()
        plan = try Example.plan(folder, extra: "image_freq: 20")
        try Example.perform(plan)
        page = folder.path + "/page.html"
    }

    private func write() throws -> String {
        let question = JSONValue.object([
            .init("path", .string(plan.folder.path)), .init("name", .string(Self.hostile)),
        ])
        try FigurePageMaker([FigureSource(question.text)], title: Self.hostile, by: nil).write(to: page)
        return try String(contentsOfFile: page, encoding: .utf8)
    }

    @Test func itIsSmallWholeAndTheSameEachTime() throws {
        let html = try write()
        #expect(html.utf8.count < 1_000_000)
        #expect(try write() == html)
        #expect(!html.contains("<img src=x"), "names are text")
        // Addresses name SVG's vocabulary, nothing to be fetched.
        let addresses = html.components(separatedBy: "http").dropFirst().filter { !$0.hasPrefix("-equiv") }
        #expect(addresses.allSatisfy { $0.hasPrefix("://www.w3.org/") })
    }

    @Test func aPageKeepsItsSizeHoweverMuchThereIsToShow() throws {
        var noise = UInt32(1)
        func map(_ name: String) -> Figure {
            let values = (0..<70 * 70).map { _ -> Float in
                noise = noise &* 1_664_525 &+ 1_013_904_223
                return Float(noise >> 8) / Float(1 << 24)
            }
            let matrix = Matrix(rows: 70, columns: 70, values: values)
            let panel = HeatMap(
                title: "m", matrix: matrix, colors: .blues, range: 0...1, columnLabel: "c", rowLabel: "r")
            return Figure(name: name, title: name, panels: [.heatMap(panel)])
        }
        var page = FigurePage(
            title: "", slides: "Step", frames: (0..<6).map { .init(label: "\($0)", figures: [map("a")]) },
            below: [map("b")])
        let whole = try page.html(Cairo()).utf8.count
        page.limit = whole - 3000
        let all = try page.html(Cairo())
        #expect(all.utf8.count < page.limit && all.contains("in 40 steps of their range;"))
        #expect(!all.contains("are shown"))
        page.limit = whole - 24_000
        let fewer = try page.html(Cairo())
        #expect(fewer.utf8.count < page.limit && fewer.contains(/[2-5] of 6 are shown/))
        #expect(fewer.contains("in 10 steps of their range, those before the last in 5;"))

        page.frames = page.frames.suffix(1)
        page.limit = .max
        let one = try page.html(Cairo()).utf8.count
        page.limit = one - 1800
        let coarse = try page.html(Cairo())
        #expect(coarse.utf8.count < one - 500 && coarse.contains(" steps of their range"))
    }

    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all)"))
    func largeMapsTellTheirValues() throws {
        var values = (0..<70 * 70).map { Float(($0 * 37) % 131) / 100 }
        (values[0], values[1], values[2]) = (.nan, 1.2345, -0.4)
        func figure(_ name: String, _ values: [Float]) -> Figure {
            let map = HeatMap(
                title: name, matrix: Matrix(rows: 70, columns: 70, values: values), colors: .reds, range: 0...1,
                columnLabel: "c", rowLabel: "r")
            return Figure(name: name, title: name, panels: [.heatMap(map)])
        }
        let upper = figure("upper", values)
        let lower = figure("lower", values.map { $0.isNaN ? $0 : min($0, 1) })
        try FigurePage(title: "", slides: "Step", frames: [.init(label: "1", figures: [lower, upper])]).html(Cairo())
            .write(toFile: page, atomically: true, encoding: .utf8)
        let tab = try Browser().open("file://" + page)
        try tab.wait(until: "document.body.dataset.ready == 'yes'")
        for name in ["lower", "upper"] {
            for index in [0, 1, 2, 3, 71, 92, 130, 4899] {
                let place = (x: (Double(index % 70) + 0.5) / 70, y: (Double(index / 70) + 0.5) / 70)
                try tab.hover("figure[data-name=\(name)] image[data-panel='0']", x: place.x, y: place.y)
                try tab.wait(until: "!tip.hidden && tip.children[0].textContent == '\(name)'")
                let told = try tab.evaluate("tip.lastElementChild.textContent").string ?? ""
                let value = name == "lower" ? min(values[index], 1) : values[index]
                guard !values[index].isNaN else {
                    #expect(told == "Value: not a number")
                    continue
                }
                let number = try #require(Double(told.split(separator: " ").last ?? ""), "\(told)")
                #expect(abs(number - Double(value)) < 1e-3, "\(name) \(index): \(told)")
            }
        }
        #expect(tab.problems == [])
    }

    @Test func aPageOfManyRunsComparesThem() throws {
        let other = try Example.plan(folder, run: "other", extra: "figures: last\nseed: 1")
        try Example.perform(other)
        let sources = try [(plan.folder.path, "0.003"), (other.folder.path, "0.03")].map { path, value in
            try FigureSource(JSONValue.object([.init("path", .string(path)), .init("value", .string(value))]).text)
        }
        try FigurePageMaker(sources, title: "Job 1", by: "importance_minimality_coeff").write(to: page)
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.contains("data-name=\"varying_importance_minimality_coeff_ci_vals\""))
        #expect(html.contains("[\"run\",\"other\"]"), "the slider chooses between them")
        let study = try ImportanceStudy(sources, by: "importance_minimality_coeff")
        #expect(study.leftOut.isEmpty && study.figure.arrays.map(\.name).contains("linear2, 0.003/values"))
        #expect(study.figure.arrays.allSatisfy { !$0.name.hasSuffix(")") }, "each says of which module and run it is")
        let alike = try ImportanceStudy([sources[0], sources[0], sources[1]], by: "importance_minimality_coeff").figure
        #expect(alike.panels[0].title.hasPrefix("0.003, run: ") && alike.panels[2].title.hasPrefix("0.03, other: "))
        var fewer = try Example.plan(folder, run: "fewer")
        fewer.config = try ExperimentConfig.load(
            yaml: Example.config(extra: "figures: last").replacing("[linear1, linear2]", with: "[linear1]"),
            source: "test")
        try Example.perform(fewer)
        let mixed = try ImportanceStudy([FigureSource(fewer.folder.path)] + sources, by: "importance_minimality_coeff")
        #expect(
            mixed.leftOut.count == 1 && mixed.leftOut[0].hasPrefix("fewer: its modules are linear1, "),
            "\(mixed.leftOut)")
        #expect(mixed.figure.columns == 2)
        let error = #expect(throws: RunError.self) {
            try FigurePageMaker(sources, title: "", by: nil, figures: ["none"]).write(to: page)
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains("no figure 'none'"))
    }

    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all)"))
    func figuresInANarrowWindowAreMovedSidewaysAndNotMadeSmaller() throws {
        _ = try write()
        let tab = try Browser().open("file://" + page, width: 400)
        try tab.wait(until: "document.body.dataset.ready == 'yes'")
        let drawings = "[...document.querySelectorAll('figure svg')].filter(x => x.getBoundingClientRect().width > 0)"
        let least = try tab.evaluate(
            "Math.min(...\(drawings).map(x => x.getBoundingClientRect().width / x.viewBox.baseVal.width))")
        // Numbers on axes are eight units high.
        #expect(try #require(least.double) >= 1)
        #expect(try tab.evaluate("document.documentElement.scrollWidth <= innerWidth") == true)
    }

    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all)"))
    func aBrowserShowsNumbersOnHoverAndStepsByTheSlider() throws {
        _ = try write()
        let tab = try Browser().open("file://" + page)
        try tab.wait(until: "document.body.dataset.ready == 'yes'")
        #expect(try tab.evaluate("document.title").string == Self.hostile)

        // The cell of feature 0 in the first column, whose number is known.
        let figure = try #require(
            try DrawnFigures(contentsOf: plan.folder.figures(step: 60)).figures.first {
                $0.name == "causal_importances"
            })
        let selector = "figure[data-name=causal_importances] image[data-panel='0']"
        let first = if case .heatMap(let map) = figure.panels[0] { map } else { nil as HeatMap? }
        let map = try #require(first)
        try tab.hover(selector, x: 0.5 / Double(map.matrix.columns), y: 0.5 / Double(map.matrix.rows))
        try tab.wait(until: "!tip.hidden")
        let lines = try tab.evaluate("[...tip.children].map(e => e.textContent)").elements?.compactMap(\.string) ?? []
        try #require(lines.count == 4, "\(lines)")
        #expect(lines[0] == map.title && lines[1] == "Feature 0" && lines[2] == "Subcomponent \(map.columnNames[0])")
        let value = try #require(Double(lines[3].split(separator: " ").last ?? ""))
        #expect(abs(value - Double(map.matrix[0, 0])) < 1e-3 && lines[3].hasPrefix("Causal importance: "))
        try tab.hover("h1")
        try tab.wait(until: "tip.hidden")

        let before = try tab.evaluate("document.querySelector('#stage figure svg').outerHTML")
        try tab.evaluate("slider.focus()")
        try tab.press("ArrowLeft")
        try tab.wait(until: "stage.dataset.shown == '40'")
        #expect(try tab.evaluate("label.textContent").string == "40")
        #expect(try tab.evaluate("document.querySelector('#stage figure svg').outerHTML") != before)
        try tab.hover(selector)
        try tab.wait(until: "!tip.hidden")

        try tab.click("figure[data-name=causal_importances] button[data-save=csv]")
        #expect(tab.problems == [])
        #expect(tab.requests.filter { !$0.hasPrefix("blob:") } == ["file://" + page], "nothing else is asked for")
        if let place = ProcessInfo.processInfo.environment["SPD_TEST_SCREENSHOT"] {
            try tab.screenshot().write(to: URL(filePath: place))
        }
    }
}
