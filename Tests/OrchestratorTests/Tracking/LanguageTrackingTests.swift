import Artifacts
import Foundation
import JSON
import Testing

@testable import StandInWandB

/// What W&B has of a language model's run: the table of importances, and the pages' charts of its divergences.
struct LanguageTrackingTests {
    private let bench: Workbench

    init() throws {
        bench = try Workbench(adding: TrainingEndToEndTests.realWorker)
        _ = try bench.write(LanguageSubmitTests.target, to: "tiny_target.yaml")
    }

    @Test func itsTableAndItsDivergencesArrive() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        let text =
            LanguageSubmitTests.experiment(steps: 100)
            .replacing("[model.layers.0.mlp.up_proj]", with: "[model.embed_tokens]") + "\nwandb_project: spd\n"
        _ = try bench.write(text, to: "tiny.yaml")
        _ = try bench.write("tiny:\n  seed:\n    values: [0, 1]\n", to: "sweep.yaml")

        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tiny.yaml", "--sweep", "sweep.yaml", "--executor", "local", "--watch"],
            adding: [
                "WANDB_BASE_URL": server.baseURL, "WANDB_APP_URL": server.baseURL,
                "WANDB_API_KEY": StandInBackend.key,
            ])

        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        let job = try await bench.status(of: 1)
        for spec in job.runs {
            try await eventually { server.backend.run(spec.run)?.exitCodes == [0] }
            let run = try #require(server.backend.run(spec.run))
            #expect(run.tags.contains("lm"))
            let rows = try run.history.map { try JSONValue(parsing: $0) }
            #expect(rows.compactMap { $0["_step"]?.integer } == [0, 50, 100])
            for row in rows { try check(row, of: run) }
            let metrics = try String(contentsOfFile: spec.folder + "/metrics.jsonl", encoding: .utf8)
            #expect(!metrics.contains("embed_ci_sample"))
        }
        #expect(server.backend.violations == [])
        try checkCharts(server.backend.pages.views)
    }

    /// A history row: its divergences, and the table beside it as the published one has it.
    private func check(_ row: JSONValue, of run: StandInBackend.Run) throws {
        for name in ["misc/unmasked_kl_loss_vs_target", "misc/masked_kl_loss_vs_target"] {
            #expect(row[name]?.double?.isFinite == true, "\(name)")
        }
        let entry = try #require(row["misc/embed_ci_sample"])
        #expect(entry["_type"] == .string("table-file"))
        #expect(entry["nrows"]?.integer == 8, "a row has 8 tokens")
        #expect(entry["ncols"]?.integer == 11)
        #expect(entry["log_mode"] == .string("IMMUTABLE"))
        let path = try #require(entry["path"]?.string)
        #expect(path.hasPrefix("media/table/misc_embed_ci_sample_") && path.hasSuffix(".table.json"), "\(path)")
        let bytes = try #require(run.files[path])
        #expect(entry["size"]?.integer == bytes.count)
        #expect(entry["sha256"] == .string(SHA256.hex([UInt8](bytes))))
        let table = try JSONValue(parsing: [UInt8](bytes))
        let columns = try #require(table["columns"]?.elements)
        #expect(columns == ["TokenSample"] + Array(repeating: "CompVal", count: 10))
        let data = try #require(table["data"]?.elements)
        #expect(data.count == 8)
        for (place, line) in data.enumerated() {
            let cells = try #require(line.elements).compactMap(\.string)
            #expect(cells.count == 11, "all text")
            #expect(cells[0] == String(place))
            for cell in cells.dropFirst() {
                #expect(cell == "0" || cell.wholeMatch(of: /[01]\.\d\d/) != nil, "\(cell)")
            }
        }
    }

    /// Both divergences have a chart of their own in the report, beside those of the losses.
    private func checkCharts(_ views: [StandInBackend.Page]) throws {
        let report = try #require(views.last { $0.type == "runs" || $0.type == "runs/draft" })
        let blocks = try #require(try JSONValue(parsing: report.spec)["blocks"]?.elements)
        let panels = blocks.compactMap { $0["metadata"]?["panelBankSectionConfig"]?["panels"]?.elements }.joined()
        let charts = panels.filter { $0["viewType"] == .string("Run History Line Plot") }
        for name in ["misc/masked_kl_loss_vs_target", "misc/unmasked_kl_loss_vs_target"] {
            let found = charts.filter { $0["config"]?["metrics"]?.elements == [.string(name)] }
            #expect(found.count == 1, "\(name)")
            #expect(found.first?["config"]?["chartTitle"]?.string?.hasPrefix("KL divergence") == true)
        }
    }
}
