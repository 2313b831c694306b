package import UserMetrics

extension Field {
    /// The key `user_metrics`: names and expressions, or `{for: pattern, is: expression}`.
    static func userMetrics(_ property: any WritableKeyPath<Root, [UserMetric]> & Sendable) -> Field {
        Field(
            key: "user_metrics", aliases: [], isRequired: false,
            allowed: "a mapping of names to expressions, such as {purity: \"mean(max(ci['linear1'], dim=1))\"}",
            read: { node, root, reader in root[keyPath: property] = UserMetricsReader.metrics(node, &reader) },
            write: { root in
                let metrics = root[keyPath: property]
                return metrics.isEmpty ? nil : .map(metrics.map { ConfigValue.Entry($0.name, $0.value) })
            }, inside: nil)
    }
}

/// Reads users' metrics from a config.
private enum UserMetricsReader {
    /// More than this is a slip.
    static let limit = 200

    static func metrics(_ node: SourceNode, _ reader: inout Reader) -> [UserMetric] {
        if node.value == .null { return [] }
        guard case .map(let entries) = node.content else {
            let allowed = "a mapping of names to expressions"
            reader.report(.invalid(found: node.value.description, allowed: allowed), at: node.place)
            return []
        }
        guard entries.count <= limit else {
            reader.report(.conflict("has \(entries.count) metrics, the limit is \(limit)"), at: node.place)
            return []
        }
        return entries.compactMap { metric($0, &reader) }
    }

    private static func metric(_ entry: SourceNode.Entry, _ reader: inout Reader) -> UserMetric? {
        let key = String(entry.key.prefix(100))
        func report(_ reason: String, at place: SourcePlace?, _ reader: inout Reader) {
            reader.report(.conflict(reason), at: place, key: key)
        }
        guard let (pattern, text) = parts(entry, key: key, &reader) else { return nil }
        if let reason = UserMetric.obstacle(toName: entry.key, hasPattern: pattern != nil) {
            report(reason, at: entry.place, &reader)
            return nil
        }
        guard case .string(let expression) = text.value else {
            reader.report(
                .invalid(found: text.value.description, allowed: "an expression in quotes"), at: text.place, key: key)
            return nil
        }
        do throws(ExpressionError) {
            return try UserMetric(name: entry.key, pattern: pattern, text: expression)
        } catch {
            report(error.words(in: expression), at: text.place, &reader)
            return nil
        }
    }

    /// A metric's pattern over modules, if it has one, and its expression.
    private static func parts(
        _ entry: SourceNode.Entry, key: String, _ reader: inout Reader
    ) -> (pattern: String?, text: SourceNode)? {
        guard case .map(let keys) = entry.value.content else { return (nil, entry.value) }
        for inner in keys where !["for", "is"].contains(inner.key) {
            let nearest = Spelling.nearest(to: inner.key, among: ["for", "is"])
            reader.report(
                .unknownKey(nearest: nearest, known: ["for", "is"]), at: inner.place,
                key: "\(key).\(inner.key.prefix(80))")
        }
        guard let text = keys.first(where: { $0.key == "is" }) else {
            reader.report(.missing(allowed: "an expression in quotes"), at: entry.place, key: "\(key).is")
            return nil
        }
        guard let pattern = keys.first(where: { $0.key == "for" }) else { return (nil, text.value) }
        guard case .string(let name) = pattern.value.value, !name.isEmpty else {
            let allowed = "a pattern over modules, such as \"linear*\""
            let found = pattern.value.value.description
            reader.report(.invalid(found: found, allowed: allowed), at: pattern.value.place, key: "\(key).for")
            return nil
        }
        return (name, text.value)
    }
}

extension UserMetric {
    /// The metric as a config has it.
    fileprivate var value: ConfigValue {
        guard let pattern else { return .string(text) }
        return .map([.init("for", .string(pattern)), .init("is", .string(text))])
    }
}

extension ExpressionError {
    /// What is wrong, what was probably meant, and where in the expression.
    package func words(in text: String) -> String {
        var words = reason
        if let strangeName {
            let nearest = Spelling.nearest(to: strangeName, among: known)
            words += nearest.map { "; did you mean \($0)?" } ?? "; there are \(known.joined(separator: ", "))"
        }
        guard offset > 0 else { return words }
        let rest = text.dropFirst(offset)
        let place = rest.isEmpty ? "at its end" : "at character \(offset + 1): \(rest.prefix(24))"
        return words + "; \(place)\(rest.count > 24 ? "…" : "")"
    }
}
