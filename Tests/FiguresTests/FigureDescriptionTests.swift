import Testing

@testable import Figures

/// Figures that are taken apart and put together again, as a run's file does.
struct FigureDescriptionTests {
    private let figures = [
        Figure(
            name: "f", title: "F <of> all", corner: "run, step 5",
            panels: [
                .heatMap(
                    HeatMap(
                        title: "m", matrix: Matrix(rows: 2, columns: 2, values: [0, .nan, 0.25, 3]), colors: .reds,
                        range: 0...1, columnLabel: "c", rowLabel: "r", columnNames: ["7", "3"],
                        rowNames: ["the", "cat"],
                        columnBars: [1, .nan], fadedColumns: [true, false])),
                // The same title and the same names: their numbers must not be mixed up.
                .plot(
                    Plot(
                        title: "m", x: Axis("x", range: 0...3, names: [1: "one", 2: "two"]),
                        y: Axis("y", isLogarithmic: true),
                        layers: [
                            .line(x: [0, 1, 2], y: [1, 10, 100]), .line(x: [0, 1], y: [5, 5], name: "0"),
                            .bars(edges: [0, 1, 2], heights: [3, 4], base: 0.5),
                            .points(x: [2], y: [7], style: .series(2)), .rule(isVertical: true, at: 1.5),
                            .words([.init(x: 1, y: 2, text: "w")]),
                        ], note: "a note",
                        tags: [
                            .init(layer: 0, label: "feature", values: [3, 1, 2]),
                            .init(layer: 9, label: "feature", values: [1]),
                        ])),
                .table(
                    Table(
                        title: "t", columns: ["a"], rows: [["1"], ["2"]],
                        numbers: [.init("a", shape: [2], values: [1.25, 2])])),
            ], columns: 2)
    ]

    private func numbers(_ figures: [Figure]) -> (String, String) -> NumberArray? {
        { name, array in figures.first { $0.name == name }?.arrays.first { $0.name == array } }
    }

    @Test func whatIsPutTogetherAgainIsDrawnTheSame() throws {
        let text = try FigureDescription.encode(figures)

        let again = try FigureDescription.decode(text, numbers: numbers(figures))

        #expect(try FigureDescription.encode(figures) == text, "the same bytes each time")
        #expect(Set(figures[0].arrays.map(\.name)).count == figures[0].arrays.count)
        for name in ["m/0/feature", "t/a"] {
            let wanted = try #require(figures[0].arrays.first { $0.name == name })
            #expect(again[0].arrays.first { $0.name == name } == wanted && wanted.values.count > 1)
        }
        let cairo = try Cairo()
        #expect(try again[0].svg(cairo) == figures[0].svg(cairo))
        #expect(try again[0].png(cairo) == figures[0].png(cairo))
    }

    @Test func missingNumbersAndOtherTextsAreTold() throws {
        let text = try FigureDescription.encode(figures)
        let error = #expect(throws: FigureError.self) { try FigureDescription.decode(text) { _, _ in nil } }
        #expect("\(error.map { "\($0)" } ?? "")".contains("m/values"))
        #expect(throws: FigureError.self) { try FigureDescription.decode("[{}]") { _, _ in nil } }
        let numbers = numbers(figures)
        #expect(throws: FigureError.self, "numbers of another size") {
            try FigureDescription.decode(text.replacing("\"rows\":2", with: "\"rows\":3"), numbers: numbers)
        }
        #expect(throws: FigureError.self, "a size that no memory holds") {
            try FigureDescription.decode(text.replacing("\"rows\":2", with: "\"rows\":2000000000"), numbers: numbers)
        }
    }
}
