/// Finds the name that was probably meant.
public enum Spelling {
    /// The known name nearest to a misspelt one, or nil when none is near.
    public static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        let wanted = folded(name)
        let candidates = known.map { ($0, folded($0)) }
        let ranked = candidates.compactMap { candidate, letters -> (name: String, distance: Int)? in
            let limit = max(2, max(wanted.count, letters.count) / 3)
            guard abs(wanted.count - letters.count) <= limit else { return nil }
            let distance = distance(wanted, letters)
            return distance <= limit && distance < letters.count ? (candidate, distance) : nil
        }
        return ranked.min { $0.distance < $1.distance }?.name
    }

    /// Case and separators are the commonest slips and cost nothing.
    private static func folded(_ name: String) -> [Character] {
        Array(name.lowercased().filter { !"-_ ".contains($0) })
    }

    /// Levenshtein's distance, where two neighbours that changed places count as one edit.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
