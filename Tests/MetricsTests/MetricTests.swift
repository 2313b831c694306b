import Experiments
import Foundation
import TestFiles
import Testing

@testable import Metrics

/// The one list of metrics, and what follows from it.
struct MetricTests {
    @Test func noTwoMetricsShareAName() {
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
    }

    @Test func aMetricIsFoundByTheNameThatRunsLog() {
        for metric in Metric.all { #expect(Metric.named(metric.name(of: "layers.0.mlp_in")) == metric) }
        #expect(Metric.named("loss/none") == nil)
        #expect(Metric.named("user/ci_l0")?.name == "user/ci_l0")
        #expect(Metric.named("user/a/ci_l0")?.name == "user/a/ci_l0")
    }

    @Test func lossesHaveThePublishedNames() {
        #expect(Metric.loss(.stochasticReconLayerwise).name == "loss/stochastic_recon_layerwise")
        #expect(Metric.all.filter(\.isLoss).count == LossTerm.allCases.count + 1)
        #expect(Metric.loss(.faithfulness).shortName == "faithfulness")
        #expect(Metric.meanMaxCosine.shortName == "mmcs")
    }

    @Test func valuesAreWrittenInTheirFormats() {
        #expect(Metric.totalLoss.text(0.0014039) == "1.404e-03")
        #expect(Metric.meanMaxCosine.text(0.99893) == "0.9989")
        #expect(Metric.totalLoss.text(.nan) == "nan")
        #expect(Metric.text(0.000123456, digits: 3) == "0.000123" && Metric.text(12345678, digits: 5) == "1.2346e+07")
        #expect(Metric.text(-12.00049, decimals: 3) == "-12.000")
        #expect(Metric.text(1e9, decimals: 6) == "1000000000.000000")
    }

    @Test func whatIsWorthALookComesInItsOrder() {
        #expect(
            Metric.firstLooks.map(\.name) == [
                "loss/total", "mmcs", "ml2r", "loss/faithfulness", "loss/importance_minimality",
                "features_with_one_mlp_in", "misc/masked_kl_loss_vs_target",
            ])
    }

    @Test(arguments: ["tms", "residual_mlp", "lm"]) func everyMetricWithAPanelIsChartedOnce(kind: String) throws {
        let measures = try #require(TargetKind(name: kind)).measures
        let charted = Chart.sections(with: measures).flatMap(\.charts).flatMap { chart -> [Metric] in
            guard case .lines(let metrics) = chart.content else { return [] }
            return metrics
        }
        let expected = (Metric.ofEveryKind + measures).filter { $0.panel != nil }
        #expect(Set(charted) == Set(expected) && charted.count == expected.count)
    }

    @Test func chartsComeInTheOrderOfTheirGroups() {
        let sections = Chart.sections(with: Metric.ofTMS + [.user("mine")])
        #expect(
            sections.map(\.name) == [
                "Losses", "Causal importances", "Subcomponents", "Recovery", "Your metrics", "Optimisation",
            ])
        #expect(
            sections[0].charts.map(\.title) == ["Reconstruction", "Faithfulness", "Importance minimality", nil])
    }

    @Test func aReportHasThePublishedToolsCharts() {
        func content(_ rows: [[Chart]]) -> [[Chart.Content]] { rows.map { $0.map(\.content) } }
        let rows: [[Chart.Content]] = [
            [.pictures(.upperImportances, columns: 6)],
            [
                .lines([.loss(.stochasticReconLayerwise), .loss(.stochasticRecon)]), .lines([.loss(.faithfulness)]),
                .lines([.loss(.importanceMinimality)]),
            ],
        ]
        #expect(content(Chart.report(with: Metric.ofTMS)) == rows)
        #expect(
            content(Chart.report(with: Metric.ofLanguageModels))
                == rows + [[.lines([.maskedDivergence]), .lines([.unmaskedDivergence])]])
    }

    /// `SPD_RECORD_SNAPSHOTS=1` writes the page.
    @Test func theDocumentedMetricsAreTheOnesThatThereAre() throws {
        let page = try Checkout.pinned(Self.page, in: "docs/reference/metrics.md")
        #expect(page == Self.page, "SPD_RECORD_SNAPSHOTS=1 writes the page")
    }

    private static var page: String {
        func table(_ metrics: [Metric]) -> String {
            let rows = metrics.map { metric in
                "| `\(metric.name)` | \(metric.meaning) | \(metric.unit ?? "") | \(metric.better?.rawValue ?? "") |"
            }
            return (["| key | what it measures | unit | better |", "|---|---|---|---|"] + rows).joined(separator: "\n")
        }
        return """
            # Metrics

            Every `print_freq` steps a run appends a row of these numbers to `metrics.jsonl` and sends it to Weights & Biases. `status`
            shows the ones for which a column is named in `Sources/Metrics`, and `best --metric KEY` ranks runs by any of them. This page is
            written from `Metric.all` in `Sources/Metrics`; a test compares the two.

            ## Every decomposition

            A loss is logged if its coefficient is set. `<module>` is the name of a decomposed module.

            \(table(Metric.ofEveryKind))

            ## Toy models of superposition

            \(table(Metric.ofTMS))

            ## Residual MLPs

            \(table(Metric.ofResidualMLP))

            ## Language models

            Cross-entropies are logged if `log_ce_losses` is set.

            \(table(Metric.ofLanguageModels))

            """
    }
}
