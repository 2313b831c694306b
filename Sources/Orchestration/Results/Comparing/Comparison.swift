import Foundation
import JSON

/// Which subcomponents of two decompositions are the same, as the worker says.
package struct Comparison: Decodable {
    package struct Pair: Decodable {
        package let first: Int
        package let second: Int
        package let cosine: Double
        let firstNorm: Double
        let secondNorm: Double
        /// The feature or token that each is tied to most; nil in modules if none is.
        let firstFeature: Int?
        let secondFeature: Int?
        /// Whether these differ.
        package let moved: Bool
    }
    package struct Module: Decodable {
        package let module: String
        let meanCosine: Double?
        /// What subcomponents are told apart by: `feature read`, `token written` …; nil if nothing names their ends.
        let comparedBy: String?
        package let pairs: [Pair]
        let firstAlone: [Int]
        let secondAlone: [Int]
        let firstLeftOut: [Int]
        let secondLeftOut: [Int]
    }
    let sameTarget: Bool
    package let modules: [Module]
    /// The worker's own answer, for programs.
    package private(set) var json = ""

    private enum CodingKeys: CodingKey { case sameTarget, modules }

    /// Matches two decompositions.
    ///
    /// - Throws: ``Failure``, with what keeps them from being compared.
    package init(_ first: RunWeights, _ second: RunWeights, environment: [String: String]) throws(Failure) {
        let answer = try first.report(and: second, environment: environment)
        do { self = try JSONText.decode(answer) } catch {
            throw .failed("the worker's answer cannot be read: \(error)")
        }
        json = String(decoding: answer, as: UTF8.self)
    }

    /// For people.
    package func text(_ style: TerminalStyle) -> String {
        var lines: [String] = []
        if !sameTarget { lines += ["The two decompose different targets: their weights differ.", ""] }
        for module in modules {
            let mean = module.meanCosine.map { String(format: "%.4f", $0) } ?? "none"
            let moved = module.pairs.count(where: \.moved)
            lines.append(
                style.paint(module.module, .bold)
                    + ": \(plural(module.pairs.count, "pair")), mean cosine \(mean), "
                    + (module.comparedBy.map {
                        "\(module.pairs.count - moved) with the same \($0) most, \(moved) moved"
                    } ?? "no features or tokens at either end, so none can have moved"))
            var table = TextTable([
                ("FIRST", .right), ("SECOND", .right), ("COSINE", .right), ("NORM", .right), ("NORM", .right),
                (module.comparedBy?.uppercased() ?? "", .left), ("", .left),
            ])
            for pair in module.pairs {
                table.add([
                    .init("\(pair.first)"), .init("\(pair.second)"), .init(String(format: "%.4f", pair.cosine)),
                    .init(String(format: "%.3f", pair.firstNorm)), .init(String(format: "%.3f", pair.secondNorm)),
                    .init(pair.ends),
                    .init(pair.moved ? "moved" : "", .yellow),
                ])
            }
            if !module.pairs.isEmpty { lines += table.lines(style).map { "  " + $0 } }
            lines += Self.note("without a partner", module.firstAlone, module.secondAlone)
            lines += Self.note("left out because of tiny norms", module.firstLeftOut, module.secondLeftOut)
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private static func note(_ what: String, _ first: [Int], _ second: [Int]) -> [String] {
        guard !first.isEmpty || !second.isEmpty else { return [] }
        func list(_ numbers: [Int]) -> String {
            numbers.isEmpty
                ? "none"
                : numbers.prefix(12).map(String.init).joined(separator: " ")
                    + (numbers.count > 12 ? " … (\(numbers.count))" : "")
        }
        return ["  \(what): \(list(first)) of the first, \(list(second)) of the second"]
    }
}

extension Comparison.Pair {
    /// The features or tokens of the two.
    fileprivate var ends: String {
        guard let firstFeature, let secondFeature else { return "" }
        return moved ? "\(firstFeature) → \(secondFeature)" : "\(firstFeature)"
    }
}
