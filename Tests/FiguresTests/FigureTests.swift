import Testing

@testable import Figures

struct FigureTests {
    private let cairo: Cairo

    init() throws { cairo = try Cairo() }

    private func heatMap(_ matrix: Matrix, _ range: ClosedRange<Float> = 0...1) -> HeatMap {
        HeatMap(
            title: "linear1", matrix: matrix, colors: .blues, range: range, columnLabel: "Subcomponent",
            rowLabel: "Input feature")
    }

    private func figure(_ panels: Panel..., columns: Int = 1) -> Figure {
        Figure(name: "f", title: "F", corner: "run abc, step 5", panels: panels, columns: columns)
    }

    private func picture(_ figure: Figure) throws -> Picture {
        let png = try figure.png(cairo)
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        return try #require(Picture(png, cairo))
    }

    /// The cells of a figure's first heat map.
    private func cells(_ figure: Figure) throws -> (box: Box, colors: [Color]) {
        for mark in figure.sheet.marks {
            if case .cells(let box, _, _, let colors, 0) = mark { return (box, colors) }
        }
        throw Absent()
    }

    private struct Absent: Error {}

    private func words(_ figure: Figure) -> [String] {
        figure.sheet.marks.compactMap { if case .text(let label, _) = $0 { label.text } else { nil } }
    }

    @Test func aHeatMapColoursEachCellByItsValue() throws {
        let figure = figure(.heatMap(heatMap(Matrix(rows: 2, columns: 3, values: [0, 0.5, 1, 7, -7, .nan]))))
        let (box, colors) = try cells(figure)
        let table = ColorMap.blues.table()

        #expect(
            colors == [table[0], table[128], table[255], ColorMap.blues.beyond, table[0], .missing],
            "above the range there is a colour of its own, below it the first one")
        let picture = try picture(figure)
        for (place, color) in colors.enumerated() where place != 5 {
            let x = box.x + box.width * (Double(place % 3) + 0.5) / 3
            let y = box.y + box.height * (Double(place / 3) + 0.5) / 2
            #expect(picture[Int(2 * x), Int(2 * y)] == color.pixel, "cell \(place)")
        }
        #expect(picture.count(.missing) > 100, "behind the hatching")
        #expect(words(figure).contains("> 1.0"), "the colour bar names it")
    }

    @Test func cellsAreSquareWhereThatLeavesThemLargeEnough() throws {
        for (rows, columns) in [(5, 20), (40, 200), (100, 100), (100, 500), (20, 20)] {
            let matrix = Matrix(rows: rows, columns: columns, values: Array(repeating: 0.3, count: rows * columns))
            let box = try cells(figure(.heatMap(heatMap(matrix)))).box
            let (width, height) = (box.width / Double(columns), box.height / Double(rows))
            #expect(width == height || min(box.width, box.height) <= 36.5, "\(rows) x \(columns)")
            #expect(width >= 0.5 && height >= 0.5)
        }
    }

    @Test func columnsAreNamedByTheirTrueIndices() {
        let names = ["7", "3", "12", "0"]
        var map = heatMap(Matrix(rows: 1, columns: 4, values: [0, 0, 0, 0]))
        map.columnNames = names
        #expect(Set(words(figure(.heatMap(map)))).isSuperset(of: names))

        let many = heatMap(Matrix(rows: 1, columns: 100, values: Array(repeating: 0, count: 100)))
        let shown = words(figure(.heatMap(many))).compactMap(Int.init)
        #expect(shown.count >= 5 && shown.allSatisfy { $0 % 10 == 0 }, "every tenth, or every other of them")
    }

    @Test(arguments: [(63, 256), (70, 65), (200, 33), (300, 17)])
    func theMoreCellsThereAreTheFewerColoursTheyHave(side: Int, most: Int) throws {
        let values = (0..<side * side).map { Float($0) / Float(side * side - 1) }
        var map = heatMap(Matrix(rows: side, columns: side, values: values))
        func colors() throws -> Set<UInt32> { Set(try cells(figure(.heatMap(map))).colors.map(\.pixel)) }
        #expect(try colors().count == most)
        map.colors = .blueWhiteRed
        map.range = -1...1
        map.fadedColumns = Array(repeating: true, count: side)
        #expect(try colors().count <= (most == 256 ? most : most / 4 + 1))
        map.matrix = Matrix(rows: side, columns: side, values: Array(repeating: 0, count: side * side))
        #expect(try colors() == [Color.white.pixel], "zero is white, pale or not")
    }

    @Test(arguments: [1, 2, 5, 40, 200])
    func whatIsCountedIsLabelledAtWholeNumbers(count: Int) {
        let chart = Plot(
            title: "", x: .indices("Feature", count: count), y: Axis("", range: 0...1, names: [0: "zero"]),
            layers: [.points(x: [0], y: [0])])
        let numbers = words(figure(.plot(chart))).filter { $0.first?.isNumber == true }
        #expect(numbers.allSatisfy { Int($0).map { $0 < count } == true } && numbers.first == "0", "\(numbers)")
        #expect(numbers.count >= min(count, 4) && numbers.count <= 6)
    }

    @Test func aFigureOfSixWideMapsIsNoHigherThanThreeScreens() throws {
        let map = heatMap(Matrix(rows: 100, columns: 500, values: Array(repeating: 0.3, count: 50_000)))
        let picture = try picture(Figure(name: "f", title: "F", panels: Array(repeating: .heatMap(map), count: 6)))
        #expect(picture.height <= 3 * 1080)
        #expect(picture.width <= 1500)
    }

    @Test(arguments: [
        (-Float.greatestFiniteMagnitude...Float.greatestFiniteMagnitude), 0...0, 0...Float.leastNonzeroMagnitude,
    ])
    func anyRangeIsDrawn(range: ClosedRange<Float>) throws {
        let extremes: [Float] = [
            .infinity, -.infinity, .nan, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, .leastNonzeroMagnitude,
            1,
        ]
        let figure = figure(.heatMap(heatMap(Matrix(rows: 2, columns: 4, values: extremes), range)))
        #expect(try cells(figure).colors.count { $0 == .missing } == 3, "what is not finite")
        _ = try picture(figure)
        #expect(!(try figure.svg(cairo)).contains("nan"))
    }

    @Test func aPictureThatCairoRefusesIsAnError() throws {
        let tall = heatMap(Matrix(rows: 100_000, columns: 1, values: Array(repeating: 0, count: 100_000)))
        #expect(throws: FigureError.self) { try figure(.heatMap(tall)).png(cairo) }
    }

    @Test func aHistogramsBarsStandOnALogarithmicScale() throws {
        let bins = Bins(
            [0.1] + Array(repeating: 0.5, count: 10) + Array(repeating: 0.9, count: 100), count: 4, from: 0, to: 1)
        let chart = Plot.histogram(title: "linear1", bins, valueLabel: "ci")
        let heights = figure(.plot(chart)).sheet.marks.compactMap {
            if case .rectangle(let box, _, _) = $0, box.height > 0 { box.height } else { nil }
        }

        #expect(heights.count == 3, "an empty bin has no bar")
        #expect(heights[0] > 1, "one value is seen")
        #expect(abs((heights[2] - heights[1]) - (heights[1] - heights[0])) < 0.01)
        #expect(try picture(figure(.plot(chart))).count(Style.series(0).color) > 100)
    }

    @Test func pngSVGAndPDFShowTheSameSheet() throws {
        let figure = figure(
            .heatMap(heatMap(Matrix(rows: 2, columns: 2, values: [0, 1, 0.5, 0.2]))),
            .plot(
                Plot(
                    title: "curve <&\"> ", x: Axis("x"), y: Axis("y", isLogarithmic: true),
                    layers: [
                        .line(x: [1, 2, 3], y: [1, 0, 100], name: "one"), .points(x: [1, 2], y: [3, .nan]),
                        .rule(isVertical: false, at: 10), .words([.init(x: 2, y: 2, text: "here")]),
                    ])), .table(Table(title: "t", columns: ["a", "b"], rows: [["1", "2"]])), columns: 2)
        let svg = try figure.svg(cairo)
        let pdf = try figure.pdf(cairo)

        #expect(svg.contains(">curve &lt;&amp;&quot;&gt; </text>"))
        #expect(svg.contains("data-panel=\"0\""))
        #expect(pdf.starts(with: Array("%PDF-".utf8)))
        #expect(try figure.svg(cairo) == svg, "the same bytes")
        #expect(try figure.pdf(cairo) == pdf, "the same bytes")
        #expect(try figure.png(cairo) == figure.png(cairo), "the same bytes")
        let (once, twice) = (try picture(figure), try #require(Picture(figure.png(cairo, scale: 2), cairo)))
        #expect(abs(twice.width - 2 * once.width) <= 1)
    }

    @Test func aLineBreaksWhereAValueCannotBeShown() {
        let frame = PlotFrame(
            area: Box(x: 0, y: 0, width: 10, height: 10), x: Axis("").spanning([0, 5]),
            y: Axis("", isLogarithmic: true).spanning([1, 10]))
        #expect(frame.stretches([0, 1, 2, 3, 4], [1, 2, 0, 3, 4]).map(\.count) == [2, 2])
    }

    @Test func theNumbersStandBesideThePicture() throws {
        var map = heatMap(Matrix(rows: 1, columns: 2, values: [0.25, 0.5]))
        map.columnNames = ["4", "1"]
        let arrays = figure(
            .heatMap(map),
            .plot(Plot(title: "c", x: Axis("x"), y: Axis("y"), layers: [.line(x: [1, 2], y: [3, 4], name: "l")]))
        ).arrays

        #expect(arrays.map(\.name) == ["linear1/values", "linear1/columns", "c/l/x", "c/l/y"])
        #expect(arrays.map(\.values) == [[0.25, 0.5], [4, 1], [1, 2], [3, 4]])
        #expect(arrays[0].shape == [1, 2])
    }

    @Test func aLongTitleBreaksIntoLines() {
        let matrix = heatMap(Matrix(rows: 1, columns: 1, values: [0]))
        let title = String(repeating: "word ", count: 40)
        let long = Figure(name: "f", title: title, panels: [.heatMap(matrix)])
        let short = Figure(name: "f", title: "F", panels: [.heatMap(matrix)])

        #expect(long.sheet.height > short.sheet.height + 20)
        #expect(long.sheet.width < 300)
    }

    @Test func withoutCairoTheReasonIsSaid() {
        let error = #expect(throws: FigureError.self) { try Cairo(libraries: ["libnothing-of-the-kind.so.7"]) }

        #expect("\(error.map { "\($0)" } ?? "")".hasPrefix("Cairo is not installed here (libnothing-of-the-kind.so.7:"))
        #expect(throws: FigureError.noCairo(reason: "Cairo is not installed here (no library was named)")) {
            try Cairo(libraries: [])
        }
    }

    @Test func aLibraryThatIsNotCairoIsRefused() {
        #expect(throws: FigureError.noCairo(reason: "this Cairo lacks cairo_image_surface_create")) {
            try Cairo(libraries: ["libm.so.6"])
        }
    }

    @Test func theFirstLibraryThatOpensIsTaken() throws {
        _ = try Cairo(libraries: ["libnothing-of-the-kind.so.7"] + Cairo.usualLibraries)
    }

    @Test func anAxisLabelLongerThanItsChartStaysOutOfTheTitleAndTheNote() throws {
        let name = "Share of positions, ci > 0.1"
        let plots = (0..<3).map { _ in
            Panel.plot(Plot(title: "linear1", x: Axis("Rank"), y: Axis(name), layers: [], note: "none"))
        }
        for mark in Figure(name: "f", title: "F", panels: plots, columns: 3).sheet.marks {
            guard case .text(let label, let place) = mark, label.isUpright else { continue }
            let (top, bottom) = (place.y - label.width / 2, place.y + label.width / 2)
            for case .text(let other, let at) in plots[0].sheet(room: 150, index: 0, hasAreas: false).marks
            where ["linear1", "none"].contains(other.text) {
                // The panel begins below the figure's title.
                #expect(
                    at.y + 23 + other.size / 2 <= top + 1 || at.y + 23 - other.size / 2 >= bottom - 1, "\(other.text)")
            }
        }
    }

    @Test func aValueWithoutNeighboursIsADot() {
        let line = Plot.Layer.line(x: [0, 1, 2, 3, 4], y: [1, .nan, 2, 3, .nan], style: .series(1))
        let marks = figure(.plot(Plot(title: "", x: Axis("x"), y: Axis("y"), layers: [line]))).sheet.marks
        let color = Style.series(1).color
        #expect(marks.count { if case .dot(_, _, _, color, _) = $0 { true } else { false } } == 1)
        #expect(
            marks.count {
                if case .line(let points, let stroke) = $0 { points.count == 2 && stroke.color == color } else { false }
            } == 1)
    }

    @Test func wordsAtOnePlaceStandAboveEachOtherInTheirOrder() throws {
        let words = [(0.0, "low"), (0.001, "middle"), (0.002, "high"), (1, "far")].map {
            Plot.Word(x: 0, y: $0.0, text: $0.1)
        }
        let plot = Plot(
            title: "", x: Axis("x", range: -1...1), y: Axis("y", range: -0.1...1.1), layers: [.words(words)])
        let places = figure(.plot(plot)).sheet.marks.compactMap { mark -> (String, Double)? in
            guard case .text(let label, let place) = mark, words.contains(where: { $0.text == label.text }) else {
                return nil
            }
            return (label.text, place.y)
        }
        #expect(places.map(\.0) == ["low", "middle", "high", "far"])
        for (below, above) in zip(places, places.dropFirst()) { #expect(below.1 - above.1 >= 8 - 1e-9, "\(places)") }
    }

    @Test func aLongNameInALegendGoesOnBelowAndStaysInItsChart() {
        let name =
            "tms_5-2 " + (0..<12).map { "setting_\($0)=0.001" }.joined(separator: " ")
            + String(repeating: "x", count: 90)
        let lines = (0..<2).map { Plot.Layer.line(x: [0, 1], y: [0, 1], name: "\($0) \(name)") }
        let plots = (0..<3).map { _ in Panel.plot(Plot(title: "", x: Axis("x"), y: Axis("y"), layers: lines)) }
        let sheet = Figure(name: "f", title: "F", panels: plots, columns: 3).sheet
        #expect(sheet.width == 486, "no wider than a page")
        var legends: [Int: [String]] = [:]
        for mark in sheet.marks {
            guard case .text(let label, let place) = mark, label.anchor == .start, label.text != "F" else { continue }
            let column = Int(place.x / 162)
            #expect(place.x + label.width <= Double(column + 1) * 162, "\(label.text)")
            legends[column, default: []].append(label.text)
        }
        #expect(
            legends.values.allSatisfy {
                $0.joined().filter { $0 != " " } == ("0" + name + "1" + name).filter { $0 != " " }
            })
    }

    @Test func mapsInARowWithOneColourBarAreOfOneSize() {
        #expect([1, 2, 3, 4, 7].map(Figure.columns(for:)) == [1, 2, 3, 2, 2])
        let panels = (0..<3).map { index -> Panel in
            var map = heatMap(Matrix(rows: 100, columns: 100, values: Array(repeating: 0.5, count: 10_000)))
            map.hasColorBar = index == 2
            return .heatMap(map)
        }
        let boxes = Figure(name: "f", title: "F", panels: panels, columns: 3).sheet.marks.compactMap { mark -> Box? in
            if case .cells(let box, 100, 100, _, _) = mark { box } else { nil }
        }
        #expect(boxes.count == 3 && boxes.allSatisfy { $0.width == 100 && $0.height == 100 && $0.y == boxes[0].y })
    }
}
