import JSON
import Metrics

/// The metrics that an experiment's users define, for W&B's pages.
enum UserMetricPanels {
    /// Reads what the store has about an experiment's specs: a JSON list of their different `user_metrics`, as objects
    /// or as their text.
    static func metrics(_ lists: String) -> [Metric] {
        var seen: Set<String> = []
        return (parsed(lists)?.elements ?? []).flatMap { element -> [Metric] in
            let list = element.string.flatMap(parsed) ?? element
            guard case .object(let members) = list else { return [] }
            return members.compactMap { member in
                let expression = member.value.string ?? member.value["is"]?.string ?? ""
                // A histogram has no line.
                guard !expression.hasPrefix("histogram"), seen.insert(member.name).inserted else { return nil }
                return .user(member.name)
            }
        }
    }

    /// What was stored was checked; an unreadable value costs a chart, not the page.
    private static func parsed(_ text: String) -> JSONValue? {
        do { return try JSONValue(parsing: Array(text.utf8)) } catch { return nil }
    }
}
