import Artifacts
import Foundation
import Layout
import Metrics
import Runs
import TestFiles
import Testing

@testable import Kernels

/// Pages on W&B show what runs log, under the names that runs log it.
struct PanelNamesTests {
    /// Everything that a run may log at a step.
    private var logged: Set<String> {
        let report = StepReport(
            step: 0, learningRate: 0, losses: Dictionary(uniqueKeysWithValues: LossTerm.allCases.map { ($0, 0) }),
            total: 0, gradientNorm: 0, alive: ["linear1": 1], l0: ["linear1": 1])
        let row = MetricsRow(
            report, modules: ["linear1"],
            scores: FeatureRecovery(mmcs: 1, ml2r: 1).numbers
                + FeatureAlignment(featuresWithOneInput: 0, outputsInUse: 0).numbers)
        return Set(row.values.map(\.name))
    }

    /// The charts of a kind's pages.
    private func charts(_ measures: [Metric]) -> [Chart] {
        Chart.sections(with: measures).flatMap(\.charts) + Chart.report(with: measures).joined()
    }

    @Test(arguments: [Metric.ofTMS, Metric.ofResidualMLP]) func chartsAreOfMetricsThatRunsLog(measures: [Metric]) {
        for case .lines(let metrics) in charts(measures).map(\.content) {
            for metric in metrics { #expect(logged.contains { metric.matches($0) }, "\(metric.name)") }
        }
    }

    @Test func everyLoggedNameIsAMetrics() {
        for name in logged { #expect(Metric.named(name) != nil, "\(name)") }
    }

    @Test func browsersAreOfFiguresThatRunsDraw() throws {
        let folder = try TemporaryFolder()
        let plan = try Example.plan(folder, extra: "image_freq: 50")
        try Example.perform(plan)
        let files = try FilePack(contentsOf: plan.folder.figures(step: 50)).entries.map(\.name)
        for case .pictures(let picture, _) in charts(Metric.ofTMS).map(\.content) {
            #expect(files.contains(picture.name + "_50.png"), "\(picture.name)")
        }
    }
}
