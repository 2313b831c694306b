import Foundation
import JSON
import Store

/// Two runs, or two decompositions, side by side: what differs, and which subcomponents are the same.
package struct RunsComparison {
    /// Nil if one of the two is not a run but a file of weights.
    private let difference: RunDifference?
    /// Which subcomponents are the same, or why that is not known.
    private let match: Result<Comparison, Failure>

    /// Compares what the command line names: runs by their names, weights by their files.
    ///
    /// - Throws: What is not there; for weights, what keeps their subcomponents from being matched.
    package init(_ first: String, _ second: String, environment: [String: String]) async throws {
        let isOfRuns = ![first, second].contains(where: FileManager.default.fileExists(atPath:))
        guard isOfRuns else {
            difference = nil
            let weights = try await RunWeights(named: first, in: await OpenStore.open(for: .looking))
            let others = try await RunWeights(named: second, in: await OpenStore.open(for: .looking))
            match = .success(try Comparison(weights, others, environment: environment))
            return
        }
        let store = try await OpenStore.open(for: .looking).store
        let runs = try [first, second].map { try store.run(store.run(startingWith: $0.lowercased())) }
        difference = try RunDifference(runs[0], runs[1], in: store)
        match = Result { () throws(Failure) in
            try Comparison(RunWeights(of: runs[0]), RunWeights(of: runs[1]), environment: environment)
        }
    }

    /// For people.
    package func text(_ style: TerminalStyle) -> String {
        var lines = difference.map { $0.lines(style) + ["", style.paint("Subcomponents", .bold)] } ?? []
        switch match {
        case .success(let comparison): lines.append(comparison.text(style))
        case .failure(let reason): lines += ["  cannot be matched: \(reason.message)", ""]
        }
        return lines.joined(separator: "\n")
    }

    /// For programs: keys are only ever added.
    package func json() throws -> String {
        var members = difference?.members ?? []
        switch match {
        case .success(let comparison):
            guard difference != nil else { return comparison.json }
            guard case .object(let matched) = try JSONValue(parsing: comparison.json) else { break }
            members += matched
        case .failure(let reason): members.append(.init("match_error", .string(reason.message)))
        }
        return JSONValue.object(members).text + "\n"
    }
}
