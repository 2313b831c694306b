import Analysis
import Artifacts
import Experiments
import Foundation
import JSON
import Kernels

extension ToyFigureCase {
    /// The coefficient study: the other runs' files, and this decomposition where the numbers leave a gap.
    func addStudy(_ numbers: inout FigureCaseNumbers) throws {
        let stem = "coefficient_study_"
        let given = try files.names(beginningWith: stem).compactMap { name in
            Int(name.dropFirst(stem.count).prefix { $0 != "." }).map { ($0, name) }
        }.sorted { $0.0 < $1.0 }
        guard let last = given.last?.0 else { return }
        let gaps = (0...last + 1).filter { number in !given.contains { $0.0 == number } }
        var runs: [(number: Int, coefficient: Double, tensors: StateDict)] = try given.map { number, name in
            let file = try files.file(name)
            guard let coefficient = Double(try file.metadata("importance_minimality_coeff")) else {
                throw RunError.invalid("\(name): its importance_minimality_coeff is not a number")
            }
            return (number, coefficient, Self.withoutU(file.contents, like: tensors))
        }
        let own = gaps[0]
        runs.append((own, config.importanceMinimalityCoeff, tensors))
        runs.sort { $0.number < $1.number }
        for run in runs {
            let decomposition = try Self.decomposition(
                of: model, training, config, tensors: run.tensors, threads: threads)
            let maps = try decomposition.causalImportances(of: decomposition.oneFeatureAtATime).ciUpper
            for (module, map) in maps {
                var shown = map.columns(ColumnOrder(map).columns)
                for place in shown.values.indices { shown.values[place] = min(shown.values[place], 1) }
                numbers.add(
                    "analysis", whole: "resid.study.\(run.number).\(module)", .init(shape: shown.shape, shown.values))
            }
        }
        numbers.addStudyWords(runs.map { ($0.number, $0.coefficient) }, own: own, modules: decomposition.moduleNames)
    }

    /// A run of which V and the gates are given: U has no part in causal importances.
    private static func withoutU(_ contents: SafeTensors, like own: StateDict) -> StateDict {
        var tensors = contents.arrays.mapValues { Tensor(shape: $0.shape, values: $0.floats) }
        for (name, v) in tensors where name.hasSuffix(".V") {
            let u = String(name.dropLast()) + "U"
            guard tensors[u] == nil, let outputs = own[u]?.shape.last else { continue }
            tensors[u] = Tensor(zeros: [v.shape[1], outputs])
        }
        return tensors
    }
}

extension FigureCaseNumbers {
    /// Adds titles and labels of the coefficient study.
    fileprivate mutating func addStudyWords(_ runs: [(number: Int, coefficient: Double)], own: Int, modules: [String]) {
        let layers = Set(modules.map { $0.split(separator: ".").dropLast().joined(separator: ".") }).count
        set(
            "coefficient_study",
            .object([
                "titles": .strings(
                    runs.map { run in
                        "$\\beta_3$=" + String(format: "%.0e", run.coefficient) + (run.number == own ? " (BEST)" : "")
                    }),
                "best": .integers([own]), "vmin": .number(0.0), "vmax": .number(1.0),
                "ylabels": .strings(
                    modules.map { module in
                        let part = module.hasSuffix("mlp_in") ? "in" : "out"
                        let layer = Int(module.split(separator: ".").dropFirst().first ?? "") ?? 0
                        return (layers > 1 ? "Layer \(layer + 1) - " : "") + "$W_{\(part)}$\nInput feature index"
                    }),
            ]))
    }
}
