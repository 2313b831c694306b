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

    private func picture(_ figure: Figure) throws -> Picture {
        let png = try figure.png(cairo)
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        return try #require(Picture(png, cairo))
    }

    @Test func aHeatMapColoursEachCellByItsValue() throws {
        let picture = try picture(
            Figure(
                name: "f", title: "F",
                heatMaps: [heatMap(Matrix(rows: 2, columns: 3, values: [0, 0.5, 1, 7, -7, .nan]))]))
        let colors = ColorMap.blues.table()
        // Cells of 32 pixels, behind the margins.
        let (left, top) = (Layout.margin + 96, Layout.heading + 44)
        func cell(_ row: Int, _ column: Int) -> UInt32 { picture[left + 32 * column + 16, top + 32 * row + 16] }

        #expect(cell(0, 0) == colors[0].pixel)
        #expect(cell(0, 1) == colors[128].pixel)
        #expect(cell(0, 2) == colors[255].pixel)
        #expect(cell(1, 0) == colors[255].pixel, "a value over the range has the last colour")
        #expect(cell(1, 1) == colors[0].pixel, "a value under the range has the first colour")
        #expect(cell(1, 2) == Color.missing.pixel)
        #expect(picture[left - 1, top + 5] == Color.gray.pixel, "the frame")
        #expect(picture[left + 3 * 32 - 1, top] == colors[255].pixel)
        #expect(picture[left + 3 * 32, top] == Color.gray.pixel)
        #expect(picture.count(.black) > 100, "titles and labels")
    }

    @Test func aHeatMapHasAColourBarFromLowToHigh() throws {
        let picture = try picture(
            Figure(name: "f", title: "F", heatMaps: [heatMap(Matrix(rows: 2, columns: 2, values: [0, 0, 0, 0]))]))
        let colors = ColorMap.blues.table()
        let (x, top) = (Layout.margin + 96 + 2 * 32 + 20 + 11, Layout.heading + 44)

        #expect(picture[x, top] == colors[255].pixel)
        #expect(picture[x, top + 89] == colors[0].pixel)
    }

    @Test(arguments: [(40, 200), (5, 20), (100, 500), (1000, 500), (17, 500), (2, 6), (1, 1), (3, 4000)])
    func aHeatMapOfAnySizeStaysModest(rows: Int, columns: Int) throws {
        let matrix = Matrix(rows: rows, columns: columns, values: Array(repeating: 0.3, count: rows * columns))

        let picture = try picture(Figure(name: "f", title: "F", heatMaps: [heatMap(matrix)]))

        #expect(picture.width <= 1500)
        #expect(picture.height <= 600)
        let cells = picture.count(ColorMap.blues.table()[77])
        #expect(cells >= min(rows, 400) * min(columns, 1000), "every cell has a pixel of its own while there is room")
    }

    @Test(arguments: [
        (-Float.greatestFiniteMagnitude...Float.greatestFiniteMagnitude), 0...0, 0...Float.leastNonzeroMagnitude,
    ])
    func anyRangeIsDrawn(range: ClosedRange<Float>) throws {
        let extremes: [Float] = [
            .infinity, -.infinity, .nan, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, .leastNonzeroMagnitude,
            1,
        ]
        let picture = try picture(
            Figure(name: "f", title: "F", heatMaps: [heatMap(Matrix(rows: 2, columns: 4, values: extremes), range)]))

        #expect(picture.count(.missing) == 32 * 32)
    }

    @Test func aPictureThatCairoRefusesIsAnError() throws {
        let tall = Array(
            repeating: heatMap(Matrix(rows: 400, columns: 1, values: Array(repeating: 0, count: 400))), count: 80)

        #expect(throws: FigureError.self) { try Figure(name: "f", title: "F", heatMaps: tall).png(cairo) }
    }

    @Test func aHistogramsBarsStandOnALogarithmicScale() throws {
        let bins = Bins(
            [0.1] + Array(repeating: 0.5, count: 10) + Array(repeating: 0.9, count: 100), count: 4, from: 0, to: 1)
        let picture = try picture(
            Figure(name: "f", title: "F", histograms: [Histogram(title: "linear1", bins: bins, valueLabel: "ci")]))
        let (left, bottom) = (Layout.margin + 76, Layout.heading + 44 + 220)
        func height(_ bar: Int) -> Int {
            (0..<220).count { picture[left + 100 * bar + 50, bottom - 1 - $0] == Color.bar.pixel }
        }

        #expect(height(0) > 10, "one value is seen")
        #expect(height(1) == 0)
        #expect(height(3) == 220)
        #expect(abs((height(3) - height(2)) - (height(2) - height(0))) <= 1)
    }

    @Test func histogramsStandInRowsOfThree() throws {
        let one = Histogram(title: "m", bins: Bins([0.5], from: 0, to: 1), valueLabel: "ci")
        let sizes = try [1, 2, 3, 4, 6].map { count in
            let picture = try picture(Figure(name: "f", title: "F", histograms: Array(repeating: one, count: count)))
            #expect(picture.count(.bar) == count * 4 * Int((220 * 0.1549 / 1.1549).rounded()))
            return [picture.width, picture.height]
        }

        let (width, height) = (one.size.width, one.size.height)
        let expected = [(1, 1), (2, 1), (3, 1), (3, 2), (3, 2)].map { columns, rows in
            [2 * Layout.margin + columns * width, Layout.heading + rows * height]
        }
        #expect(sizes == expected)
        #expect(sizes.allSatisfy { $0[0] <= 1500 })
    }

    @Test func theSameFigureHasTheSameBytes() throws {
        let figure = Figure(
            name: "f", title: "A title", heatMaps: [heatMap(Matrix(rows: 1, columns: 2, values: [0.1, 0.9]))])

        #expect(try figure.png(cairo) == figure.png(cairo))
    }

    @Test func aFigureIsAsWideAsItsTitle() throws {
        let matrix = heatMap(Matrix(rows: 1, columns: 1, values: [0]))
        let narrow = try picture(Figure(name: "f", title: "F", heatMaps: [matrix]))
        let wide = try picture(Figure(name: "f", title: String(repeating: "wide ", count: 20), heatMaps: [matrix]))

        #expect(wide.width > narrow.width)
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
}
