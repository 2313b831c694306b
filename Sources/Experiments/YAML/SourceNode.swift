/// A line and a column of a file, both from 1.
public struct SourcePlace: Sendable, Hashable {
    /// The line.
    public let line: Int
    /// The column.
    public let column: Int
    /// The line of the alias (`*name`) or merge key through which the value stands elsewhere too, if it is meant there.
    public var aliasLine: Int?
}

/// A value of a document together with where it stands.
struct SourceNode: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        case scalar(ConfigValue)
        case list([SourceNode])
        case map([Entry])
    }

    struct Entry: Sendable, Equatable {
        let key: String
        /// Where the key stands.
        let place: SourcePlace?
        let value: SourceNode
    }

    let content: Content
    let place: SourcePlace?
}

extension SourceNode {
    var value: ConfigValue {
        switch content {
        case .scalar(let value): value
        case .list(let items): .list(items.map(\.value))
        case .map(let entries): .map(entries.map { ConfigValue.Entry($0.key, $0.value.value) })
        }
    }

    /// A value that is in no file, or as a whole at one place.
    init(_ value: ConfigValue, place: SourcePlace? = nil) {
        self.place = place
        switch value {
        case .list(let items):
            content = .list(items.map { SourceNode($0, place: place) })
        case .map(let entries):
            content = .map(
                entries.map { Entry(key: $0.key, place: place, value: SourceNode($0.value, place: place)) })
        default:
            content = .scalar(value)
        }
    }
}
