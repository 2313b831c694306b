/// One drawing of a figure.
public enum Panel: Codable, Sendable {
    case heatMap(HeatMap)
    case plot(Plot)
    case table(Table)
    case text(TokenText)

    /// The title above it.
    public var title: String {
        switch self {
        case .heatMap(let map): map.title
        case .plot(let plot): plot.title
        case .table(let table): table.title
        case .text(let text): text.title
        }
    }

    /// What its numbers are named after.
    var meaning: String {
        if case .heatMap(let map) = self, let meaning = map.meaning { meaning.title } else { title }
    }

    /// The numbers that it shows.
    var arrays: [NumberArray] {
        switch self {
        case .heatMap(let map): map.arrays
        case .plot(let plot): plot.arrays
        case .table(let table): table.arrays
        case .text(let text): text.arrays
        }
    }

    /// The panel on its own sheet, about as wide as there is room.
    ///
    /// - Parameters:
    ///   - room: The width that its column of the figure has, in points.
    ///   - index: Its place in the figure.
    ///   - hasAreas: Whether the sheet lists its hover areas.
    /// - Returns: The sheet, as large as the panel.
    func sheet(room: Double, index: Int, hasAreas: Bool) -> Sheet {
        switch self {
        case .heatMap(let map): map.sheet(room: room, index: index, hasAreas: hasAreas)
        case .plot(let plot): plot.sheet(room: room, hasAreas: hasAreas)
        case .table(let table): table.sheet()
        case .text(let text): text.sheet()
        }
    }
}

/// Named numbers that a panel shows.
public struct NumberArray: Equatable, Sendable {
    /// What they are, after the panel's title.
    public let name: String
    /// The length of each dimension.
    public let shape: [Int]
    /// The numbers, row after row.
    public let values: [Float]
}
