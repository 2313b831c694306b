package import Foundation

/// A request as the page's routes see it.
package struct Ask: Sendable {
    /// `GET`, `POST`.
    package let method: String
    /// The parts of the path behind the prefix, percent-decoded, each without its own slash.
    package let path: [String]
    /// What follows the question mark.
    package let query: [String: String]
    /// Header fields by their names in lower case.
    package let headers: [String: String]
    package let body: Data

    package init(
        method: String, path: [String], query: [String: String] = [:], headers: [String: String] = [:],
        body: Data = Data()
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The names in a comma-separated value; a comma within a name is written `%2C`.
    func list(_ name: String) -> [String] {
        (query[name] ?? "").split(separator: ",").map { $0.removingPercentEncoding ?? String($0) }
    }

    /// A number within bounds.
    func number(_ name: String, _ standard: Int, in bounds: ClosedRange<Int>) -> Int {
        min(max(query[name].flatMap { Int($0) } ?? standard, bounds.lowerBound), bounds.upperBound)
    }
}

extension Ask {
    /// Takes an address apart.
    ///
    /// - Returns: The parts of its path and what follows the question mark; nil for an address that means two things,
    ///   such as one with a slash, a dot-dot or a zero byte hidden in a part.
    package static func parts(of target: String) -> (path: [String], query: [String: String])? {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let rawPath = halves.first, rawPath.hasPrefix("/") else { return nil }
        var path: [String] = []
        for part in rawPath.split(separator: "/") {
            guard let text = part.removingPercentEncoding, text != ".", text != "..",
                !text.utf8.contains(where: { $0 == 0x2F || $0 == 0x5C || $0 < 0x20 })
            else { return nil }
            path.append(text)
        }
        var query: [String: String] = [:]
        for pair in (halves.count > 1 ? halves[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.replacing("+", with: " ").removingPercentEncoding }
            guard let name = sides[0] else { return nil }
            guard sides.count > 1 else {
                query[name] = ""
                continue
            }
            guard let value = sides[1] else { return nil }
            query[name] = value
        }
        return (path, query)
    }
}
