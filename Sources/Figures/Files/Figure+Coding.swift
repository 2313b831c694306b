internal import Foundation

/// What a file of figures is, next to the arrays with their numbers: everything else that is drawn, as JSON.
///
/// So a set of figures can be drawn again in any format, by name, from what a run has left.
public enum FigureDescription {
    /// Describes figures without their numbers.
    ///
    /// - Parameter figures: The figures.
    /// - Returns: JSON; the same figures give the same text.
    /// - Throws: `FigureError.refused` for what can't be written, which does not happen.
    public static func encode(_ figures: [Figure]) throws(FigureError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            return String(decoding: try encoder.encode(figures.map(\.withoutNumbers)), as: UTF8.self)
        } catch {
            throw .refused(figure: "a description", reason: "\(error)")
        }
    }

    /// Puts figures and their numbers together again.
    ///
    /// - Parameters:
    ///   - text: What ``encode(_:)`` gave.
    ///   - numbers: Finds an array by a figure's name and its own; nil if it is missing.
    /// - Returns: The figures.
    /// - Throws: `FigureError.refused` for a text of another kind, and for arrays that are missing or do not fit.
    public static func decode(
        _ text: String, numbers: (_ figure: String, _ array: String) -> NumberArray?
    ) throws(FigureError) -> [Figure] {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let figures: [Figure]
        do { figures = try decoder.decode([Figure].self, from: Data(text.utf8)) } catch {
            throw .refused(figure: "a description of figures", reason: "\(error)")
        }
        return try figures.map { figure throws(FigureError) in
            var figure = figure
            var names = figure.arrays.map(\.name)[...]
            for index in figure.panels.indices {
                try figure.panels[index].fill { () throws(FigureError) in
                    let name = names.removeFirst()
                    guard let array = numbers(figure.name, name) else {
                        throw .refused(figure: figure.name, reason: "its numbers '\(name)' are missing")
                    }
                    return array
                }
            }
            return figure
        }
    }
}

extension Figure {
    fileprivate var withoutNumbers: Figure {
        var figure = self
        figure.panels = panels.map { panel in
            switch panel {
            case .plot(var plot):
                plot.layers = plot.layers.map(\.withoutNumbers)
                for index in plot.tags.indices { plot.tags[index].values = [] }
                return .plot(plot)
            case .text(var text):
                text.values = []
                return .text(text)
            case .table(var table):
                for index in table.numbers.indices { table.numbers[index].values = [] }
                return .table(table)
            case .heatMap: return panel
            }
        }
        return figure
    }
}

extension Panel {
    /// Takes the numbers of ``arrays`` in their order.
    fileprivate mutating func fill(_ next: () throws(FigureError) -> NumberArray) throws(FigureError) {
        switch self {
        case .heatMap(var map):
            let count = map.arrays.count
            let values = try next()
            guard values.shape == [map.matrix.rows, map.matrix.columns] else {
                throw .refused(figure: map.title, reason: "its numbers have the shape \(values.shape)")
            }
            map.matrix = Matrix(rows: map.matrix.rows, columns: map.matrix.columns, values: values.values)
            for _ in 1..<count { _ = try next() }
            self = .heatMap(map)
        case .plot(var plot):
            plot.layers = try plot.layers.map { layer throws(FigureError) in try layer.filled(next) }
            for index in plot.tags.indices where plot.layers.indices.contains(plot.tags[index].layer) {
                plot.tags[index].values = try next().values.map { Double($0) }
            }
            self = .plot(plot)
        case .text(var text):
            text.values = try next().values
            self = .text(text)
        case .table(var table):
            for index in table.numbers.indices {
                let array = try next()
                (table.numbers[index].shape, table.numbers[index].values) = (array.shape, array.values)
            }
            self = .table(table)
        }
    }
}

extension Plot.Layer {
    fileprivate var withoutNumbers: Plot.Layer {
        switch self {
        case .bars(_, _, let base, let style, let name):
            .bars(edges: [], heights: [], base: base, style: style, name: name)
        case .line(_, _, let style, let name): .line(x: [], y: [], style: style, name: name)
        case .points(_, _, let style, let name): .points(x: [], y: [], style: style, name: name)
        case .band(_, _, _, let style, let name): .band(x: [], low: [], high: [], style: style, name: name)
        case .rule, .words: self
        }
    }

    fileprivate func filled(_ next: () throws(FigureError) -> NumberArray) throws(FigureError) -> Plot.Layer {
        func numbers() throws(FigureError) -> [Double] { try next().values.map { Double($0) } }
        switch self {
        case .bars(_, _, let base, let style, let name):
            let edges = try numbers()
            return .bars(edges: edges, heights: try numbers(), base: base, style: style, name: name)
        case .line(_, _, let style, let name):
            let x = try numbers()
            return .line(x: x, y: try numbers(), style: style, name: name)
        case .points(_, _, let style, let name):
            let x = try numbers()
            return .points(x: x, y: try numbers(), style: style, name: name)
        case .band(_, _, _, let style, let name):
            let x = try numbers()
            let low = try numbers()
            return .band(x: x, low: low, high: try numbers(), style: style, name: name)
        case .rule:
            _ = try next()
            return self
        case .words: return self
        }
    }
}

extension NumberArray {
    /// Names numbers, row after row.
    public init(named name: String, shape: [Int], values: [Float]) {
        self.init(name: name, shape: shape, values: values)
    }
}

extension Matrix {
    private enum CodingKeys: CodingKey { case rows, columns }

    /// Writes the size alone.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(rows, forKey: .rows)
        try container.encode(columns, forKey: .columns)
    }

    /// Reads a size; all numbers are zero.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let rows = try container.decode(Int.self, forKey: .rows)
        let columns = try container.decode(Int.self, forKey: .columns)
        guard (0...Self.limit).contains(rows), (0...Self.limit).contains(columns), rows * columns <= Self.limit else {
            throw DecodingError.dataCorruptedError(
                forKey: .rows, in: container, debugDescription: "\(rows) x \(columns) is no size of a heat map")
        }
        self.init(rows: rows, columns: columns, values: Array(repeating: 0, count: rows * columns))
    }

    /// More cells than any figure has: what says so is damaged.
    private static let limit = 1 << 28
}

extension Axis {
    private enum CodingKeys: CodingKey { case label, low, high, isLogarithmic, places, names }

    /// Writes names in the order of their places, so the same axis gives the same text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(label, forKey: .label)
        try container.encode(isLogarithmic, forKey: .isLogarithmic)
        try container.encodeIfPresent(range?.lowerBound, forKey: .low)
        try container.encodeIfPresent(range?.upperBound, forKey: .high)
        guard !names.isEmpty else { return }
        let sorted = names.sorted { $0.key < $1.key }
        try container.encode(sorted.map(\.key), forKey: .places)
        try container.encode(sorted.map(\.value), forKey: .names)
    }

    /// Reads an axis.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let places = try container.decodeIfPresent([Double].self, forKey: .places) ?? []
        let words = try container.decodeIfPresent([String].self, forKey: .names) ?? []
        let low = try container.decodeIfPresent(Double.self, forKey: .low)
        let high = try container.decodeIfPresent(Double.self, forKey: .high)
        var range: ClosedRange<Double>?
        if let low, let high, low <= high { range = low...high }
        self.init(
            try container.decode(String.self, forKey: .label), range: range,
            isLogarithmic: try container.decode(Bool.self, forKey: .isLogarithmic),
            names: Dictionary(zip(places, words)) { first, _ in first })
    }
}
