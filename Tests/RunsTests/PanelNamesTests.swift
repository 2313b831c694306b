import Artifacts
import Foundation
import Layout
import Runs
import Testing

@testable import Kernels
@testable import WandB

/// Pages on W&B show what runs log, under the names that runs log it.
struct PanelNamesTests {
    /// Everything that a run may log at a step.
    private var logged: Set<String> {
        let report = StepReport(
            step: 0, learningRate: 0, losses: Dictionary(uniqueKeysWithValues: LossTerm.allCases.map { ($0, 0) }),
            total: 0, gradientNorm: 0, alive: ["linear1": 1], l0: ["linear1": 1])
        let row = MetricsRow(
            report, modules: ["linear1"],
            scores: Recovery(mmcs: 1, ml2r: 1).numbers
                + FeatureAlignment(featuresWithOneInput: 0, outputsInUse: 0).numbers)
        return Set(row.values.map(\.name))
    }

    @Test(arguments: ["tms", "residual_mlp"]) func chartsAreOfMetricsThatRunsLog(task: String) throws {
        let panels = DecompositionPanels.grid(task: task) + DecompositionPanels.sections(task: task).flatMap(\.panels)
        for panel in panels {
            switch panel.content {
            case .lines(let names, _): #expect(logged.isSuperset(of: names), "\(names)")
            case .matching(let regex):
                let pattern = try Regex(regex)
                #expect(logged.contains { $0.wholeMatch(of: pattern) != nil }, "\(regex)")
            case .media: continue
            }
        }
    }

    @Test func browsersAreOfFiguresThatRunsDraw() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder, extra: "image_freq: 50")
        try Example.perform(plan)
        let files = try FilePack(contentsOf: plan.folder.figures(step: 50)).entries.map(\.name)
        let panels = DecompositionPanels.grid(task: "tms") + DecompositionPanels.sections(task: "tms").flatMap(\.panels)
        for case .media(let names, _) in panels.map(\.content) {
            for name in names { #expect(files.contains(name + "_50.png"), "\(name)") }
        }
    }
}
