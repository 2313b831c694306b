import UserMetrics

extension Field {
    /// The key `user_figures`: names, and a drawing with its expressions each.
    static func userFigures(_ property: any WritableKeyPath<Root, [UserFigure]> & Sendable) -> Field {
        let allowed = "a mapping of names to drawings, such as {products: {heatmap: \"V['linear1'] @ U['linear1']\"}}"
        return Field(
            key: "user_figures", aliases: [], isRequired: false, allowed: allowed,
            read: { node, root, reader in
                root[keyPath: property] = []
                if node.value == .null { return }
                guard case .map(let entries) = node.content, entries.count <= 50 else {
                    reader.report(.invalid(found: node.value.description, allowed: allowed), at: node.place)
                    return
                }
                root[keyPath: property] = entries.compactMap { UserFigureReader.figure($0, &reader) }
            },
            write: { root in
                let figures = root[keyPath: property]
                return figures.isEmpty ? nil : .map(figures.map { .init($0.name, UserFigureReader.value(of: $0)) })
            }, inside: nil)
    }
}

/// Reads and writes a user's figure.
private enum UserFigureReader {
    /// What every figure may have besides its drawing.
    static let fields: [Field<UserFigure>] = [
        Field("for", \.pattern, .name, isLeftOutIfNull: true), Field("x", \.x, .name, isLeftOutIfNull: true),
        Field("rows", \.rows, .text), Field("columns", \.columns, .text), Field("symmetric", \.isSymmetric, .bool),
        Field("log", \.isLogarithmic, .bool), Field("bins", \.bins, .int("a whole number from 1 to 512", in: 1...512)),
    ]

    static func figure(_ entry: SourceNode.Entry, _ reader: inout Reader) -> UserFigure? {
        let key = String(entry.key.prefix(100))
        func refuse(_ reason: String, at place: SourcePlace?) { reader.report(.conflict(reason), at: place, key: key) }
        let drawings = UserFigure.Drawing.allCases.map(\.rawValue)
        guard case .map(let keys) = entry.value.content else {
            refuse("expected a drawing, such as {heatmap: \"V['linear1'] @ U['linear1']\"}", at: entry.value.place)
            return nil
        }
        if let reason = UserMetric.obstacle(toName: entry.key, hasPattern: false) {
            refuse(reason, at: entry.place)
            return nil
        }
        let found = keys.filter { drawings.contains($0.key) }
        guard found.count == 1, let drawing = UserFigure.Drawing(rawValue: found[0].key) else {
            let stranger = keys.first { key in !fields.contains { $0.key == key.key } }
            let near = stranger.flatMap { Spelling.nearest(to: $0.key, among: drawings) }.map {
                "; did you mean \($0)?"
            }
            refuse("expected one of \(drawings.joined(separator: ", "))\(near ?? "")", at: entry.place)
            return nil
        }
        guard case .string(let text) = found[0].value.value else {
            refuse("\(drawing.rawValue): expected an expression in quotes", at: found[0].value.place)
            return nil
        }
        var figure = UserFigure()
        (figure.name, figure.drawing, figure.value) = (entry.key, drawing, text)
        let rest = SourceNode(content: .map(keys.filter { $0.key != drawing.rawValue }), place: entry.value.place)
        reader.read(rest, fields: fields, into: &figure)
        for mistake in figure.mistakes {
            let place = keys.first { $0.key == mistake.key }?.value.place
            refuse("\(mistake.key): \(mistake.error.words(in: mistake.text))", at: place)
        }
        return figure
    }

    static func value(of figure: UserFigure) -> ConfigValue {
        let plain = fields.entries(of: UserFigure())
        let own = fields.entries(of: figure).filter { !plain.contains($0) }
        return .map([.init(figure.drawing.rawValue, .string(figure.value))] + own)
    }
}
