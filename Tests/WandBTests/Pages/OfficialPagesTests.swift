import Foundation
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// What W&B's own package for pages, `wandb-workspaces`, reads in ours; `make test-all` installs it.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_PYTHON"] != nil,
        "SPD_TEST_PYTHON names a python that has wandb-workspaces (make test-all)"))
struct OfficialPagesTests {
    private let scratch: TemporaryFolder
    private let server: StandInServer
    private static let job = PagedJob(
        token: "spd-x1", title: "SPD Run Report - spd-x1", introduction: "Launch: `spd-x1`",
        experiments: [
            .example("tms_5-2", runs: 6),
            .example("ss_gpt2", divergences: true, runs: 1),
        ], commit: "0123abc")

    init() async throws {
        scratch = try TemporaryFolder()
        server = try await StandInServer.start()
    }

    private func pages() async throws -> [JobPage] {
        let pages = PageMaker(settings: try .pointing(at: server.baseURL), limit: .seconds(60))
        let outcome = try await blocking { pages.make(Self.job, known: nil) }
        try #require(outcome.problem == nil)
        return outcome.pages
    }

    private func python(_ script: String, _ arguments: String...) async throws -> JSONValue {
        try JSONValue(
            parsing: try await OfficialPython(home: scratch.path, server: server).run(["-c", script] + arguments))
    }

    /// Every value at its place, whatever the order of names.
    private func leaves(_ text: String) throws -> Set<String> { leaves(of: try JSONValue(parsing: text), at: "") }

    private func leaves(of value: JSONValue, at path: String) -> Set<String> {
        switch value {
        case .object(let members):
            members.reduce(into: ["\(path) {}"]) { $0.formUnion(leaves(of: $1.value, at: "\(path).\($1.name)")) }
        case .array(let elements):
            elements.enumerated().reduce(into: ["\(path) []"]) {
                $0.formUnion(leaves(of: $1.element, at: "\(path)[\($1.offset)]"))
            }
        default: ["\(path) \(value.double.map { "\($0)" } ?? value.text)"]
        }
    }

    @Test func theReportIsReadAsItIsMeantAndSavedAsItWas() async throws {
        defer { server.stop() }
        let page = try #require(try await pages().first { $0.kind == .report })
        let before = server.backend.pages.views[2]
        let script = """
            import json, sys
            import wandb_workspaces.reports.v2 as wr
            report = wr.Report.from_url(sys.argv[1])
            grids = [block for block in report.blocks if isinstance(block, wr.PanelGrid)]
            def panel(p):
                if isinstance(p, wr.MediaBrowser): return ["media", *p.media_keys]
                return ["log" if p.log_y else "linear", *(y.name for y in p.y)]
            print(json.dumps({
                "title": report.title, "description": report.description, "url": report.url,
                "blocks": [type(block).__name__ for block in report.blocks],
                "headings": [block.text for block in report.blocks if isinstance(block, wr.H2)],
                "runs": [[r.name, r.project, r.entity, str(r.filters)] for g in grids for r in g.runsets],
                "panels": [[panel(p) for p in g.panels] for g in grids],
            }))
            report.width = "fluid"
            report.save()
            """
        let read = try await python(script, page.url)
        #expect(read["title"] == "SPD Run Report - spd-x1")
        #expect(read["description"] == "Experiments: tms_5-2, ss_gpt2")
        #expect(read["url"] == .string(page.url))
        #expect(read["blocks"] == ["MarkdownBlock", "H2", "PanelGrid", "H2", "PanelGrid"])
        #expect(read["headings"] == ["tms_5-2", "ss_gpt2"])
        #expect(
            read["runs"] == [
                ["tms_5-2 Runs", "spd", "lab", #"Metric("Tags") in ['spd-x1'] and Metric("Tags") in ['tms_5-2']"#],
                ["ss_gpt2 Runs", "spd", "lab", #"Metric("Tags") in ['spd-x1'] and Metric("Tags") in ['ss_gpt2']"#],
            ])
        let panels: [JSONValue] = [
            ["media", "causal_importances_upper_leaky"],
            ["log", "loss/stochastic_recon_layerwise", "loss/stochastic_recon"], ["log", "loss/faithfulness"],
            ["linear", "loss/importance_minimality"],
        ]
        let divergences: [JSONValue] = [
            ["linear", "misc/masked_kl_loss_vs_target"], ["linear", "misc/unmasked_kl_loss_vs_target"],
        ]
        #expect(read["panels"] == [.array(panels), .array(panels + divergences)])

        let after = server.backend.pages.views[2]
        #expect(after.upserts == 2)
        #expect(try leaves(after.spec).symmetricDifference(leaves(before.spec)).sorted() == [])
    }

    @Test func theWorkspaceIsReadAsItIsMeantAndSavedAsItWas() async throws {
        defer { server.stop() }
        let page = try #require(try await pages().first { $0.kind == .workspace })
        let before = server.backend.pages.views[0]
        let script = """
            import json, sys
            import wandb_workspaces.workspaces as ws
            workspace = ws.Workspace.from_url(sys.argv[1])
            print(json.dumps({
                "name": workspace.name, "project": workspace.project, "entity": workspace.entity,
                "filters": str(workspace.runset_settings.filters), "url": workspace.url,
                "sections": [section.name for section in workspace.sections],
                "regular": [p.metric_regex for s in workspace.sections for p in s.panels if hasattr(p, "metric_regex")],
            }))
            workspace.save()
            """
        let read = try await python(script, page.url)
        #expect(read["name"] == "tms_5-2 - spd-x1")
        #expect(read["project"] == "spd" && read["entity"] == "lab")
        #expect(read["filters"] == #"Metric("Tags") in ['spd-x1'] and Metric("Tags") in ['tms_5-2']"#)
        #expect(read["url"] == .string(page.url))
        #expect(
            read["sections"] == ["Losses", "Causal importances", "Subcomponents", "Recovery", "Optimisation"])
        #expect(read["regular"]?.elements?.compactMap(\.string) == [".*/ci_l0", ".*/n_alive_01"])

        let after = server.backend.pages.views[0]
        #expect(after.upserts == 2)
        #expect(try leaves(after.spec).symmetricDifference(leaves(before.spec)).sorted() == [])
    }
}
