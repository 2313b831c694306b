package import Experiments
import JSON

/// What a sweep has set for a spec, in the sweep file's order; values are JSON text.
package struct Overrides: Equatable, Sendable {
    private let pairs: [[String]]

    private init(pairs: [[String]]) { self.pairs = pairs }

    package init(_ overrides: [SpecDraft.Override]) {
        pairs = overrides.map { [$0.path, $0.value.json] }
    }

    /// Reads the stored form.
    package init(json: String) throws(Failure) {
        let unreadable = Failure.failed("the state file holds overrides that can't be read: \(json)")
        guard let lists = (try? JSONValue(parsing: json))?.elements else { throw unreadable }
        pairs = try lists.map { (list) throws(Failure) in
            guard let texts = list.elements?.compactMap(\.string), texts.count == list.elements?.count else {
                throw unreadable
            }
            return texts
        }
    }

    /// All but the seed.
    package var withoutSeed: Overrides { Overrides(pairs: pairs.filter { $0.first != "seed" }) }

    /// The stored form.
    package func json() -> String {
        ConfigValue.list(pairs.map { .list($0.map(ConfigValue.string)) }).canonicalJSON
    }

    /// For people: `seed=1 lr=0.001`, without those that `common` has too.
    package func text(without common: Overrides? = nil) -> String {
        pairs.filter { common?.pairs.contains($0) != true }
            .map { $0.map(Self.cut).joined(separator: "=") }.joined(separator: " ")
    }

    /// The same with long names shortened, as far as they stay distinguishable: `seed=1 imp…coeff=0.001`.
    package func shortText(without common: Overrides? = nil) -> String {
        let varied = pairs.filter { common?.pairs.contains($0) != true && $0.count == 2 }
        let names = varied.map { Self.shortened($0[0]) }
        return zip(varied, names).map { pair, name in
            let isClear = names.count { $0 == name } == 1
            return "\(isClear ? name : pair[0])=\(Self.cut(pair[1]))"
        }.joined(separator: " ")
    }

    /// A mapping of metrics is too long for a line.
    private static func cut(_ text: String) -> String { text.count > 60 ? text.prefix(57) + "…" : text }

    private static func shortened(_ path: String) -> String {
        let name = path.split(separator: ".").last ?? ""
        guard name.count > 12 else { return String(name) }
        return "\(name.prefix(3))…\((name.split(separator: "_").last ?? name).suffix(8))"
    }

    /// What all the given ones share; `nil` for fewer than two.
    package static func common(_ all: [Overrides]) -> Overrides? {
        guard let first = all.first, all.count > 1 else { return nil }
        return Overrides(pairs: all.dropFirst().reduce(first.pairs) { $0.filter($1.pairs.contains) })
    }

    /// For programs: `{"seed": "1", "lr": "0.001"}`.
    package var values: [String: String] {
        Dictionary(pairs.compactMap { $0.count == 2 ? ($0[0], $0[1]) : nil }) { _, last in last }
    }
}
