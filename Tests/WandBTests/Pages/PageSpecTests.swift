import Foundation
import JSON
import TestFiles
import Testing

@testable import WandB

/// The specs of our pages beside those that W&B's own library saved.
struct PageSpecTests {
    private static let experiment = PagedJob.Experiment.example("tms_5-2", runs: 4)

    private func recorded(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: Array(Data(contentsOf: URL(filePath: Checkout.fixture("wandb/\(name).json")))))
    }

    /// Every place in a value, and what kind of value is there; elements of arrays share a place.
    static func places(in value: JSONValue, at path: String = "") -> Set<String> {
        switch value {
        case .object(let members):
            members.reduce(into: ["\(path) {}"]) { $0.formUnion(places(in: $1.value, at: "\(path).\($1.name)")) }
        case .array(let elements):
            elements.reduce(into: ["\(path) []"]) { $0.formUnion(places(in: $1, at: path + "[]")) }
        case .string: ["\(path) string"]
        case .number: ["\(path) number"]
        case .bool: ["\(path) bool"]
        case .null: ["\(path) null"]
        }
    }

    @Test func aWorkspaceHasTheShapeThatWandBsOwnLibrarySaves() throws {
        let bank = ".section.panelBankConfig.sections[].panels[].config"
        let ours = Self.places(in: WorkspaceView(token: "spd-x", experiment: Self.experiment).spec)
        let theirs = Self.places(in: try recorded("workspace_view"))
        // Fields that the library knows and the recorded view does not use.
        #expect(
            ours.subtracting(theirs) == [
                "\(bank).columnCount number", "\(bank).metricRegex string", "\(bank).useMetricRegex bool",
            ])
        // What the recorded view shows and ours does not: other kinds of panels, groups, a filter by number.
        let missing = theirs.subtracting(ours)
        let unused = [
            "\(bank).columns", "\(bank).value", "\(bank).vertical", "\(bank).groupAgg", "\(bank).yAxis",
            "\(bank).smoothingWeight", ".section.runSets[].grouping[]",
            ".section.runSets[].filters.filters[].value number",
            ".section.runSets[].filters.filters[].value string",
        ]
        #expect(missing.filter { place in !unused.contains { place.hasPrefix($0) } } == [])
    }

    @Test func aReportHasTheShapeThatWandBsOwnLibrarySaves() throws {
        let job = PagedJob(
            token: "spd-x", title: "Report", introduction: "Launch: `spd-x`", experiments: [Self.experiment],
            commit: "abc")
        let report = ReportView(
            job: job, projects: ["spd": .init(name: "spd", entity: "lab", id: "UA==")], workspaces: [])
        let panel = ".blocks[].metadata.panelBankSectionConfig.panels[].config"
        let ours = Self.places(in: report.spec)
        let theirs = Self.places(in: try recorded("report"))
        #expect(
            ours.subtracting(theirs) == [
                "\(panel).chartTitle string", "\(panel).columnCount number", "\(panel).mediaKeys []",
                "\(panel).mediaKeys[] string", "\(panel).yLogScale bool",
            ])
        let missing = theirs.subtracting(ours)
        let unused = [
            ".blocks[].children[]", ".blocks[].language", ".blocks[].url", ".blocks[].hasCaption",
            ".blocks[].metadata.runSets[].grouping[]", ".blocks[].metadata.runSets[].filters.filters[].value number",
        ]
        #expect(missing.filter { place in !unused.contains { place.hasPrefix($0) } } == [])
    }

    @Test func aGridsPanelsDoNotOverlap() {
        let grid = PagePanel.grid([
            [PagePanel(content: .media(["a"], columns: 6))], ["b", "c", "d"].map { PagePanel(content: .lines([$0])) },
            ["e", "f"].map { PagePanel(content: .lines([$0])) },
        ])
        #expect(grid.map(\.layout.y) == [0, 12, 12, 12, 18, 18])
        var cells: Set<[Int]> = []
        for layout in grid.map(\.layout) {
            #expect(layout.x >= 0 && layout.x + layout.width <= 24)
            for x in layout.x..<layout.x + layout.width {
                for y in layout.y..<layout.y + layout.height { #expect(cells.insert([x, y]).inserted) }
            }
        }
    }

    @Test func bothTagsMustBeThere() throws {
        let filters = try #require(RunSet(tags: ["spd-x", "tms_5-2"]).spec["filters"]?["filters"]?.elements)
        #expect(filters.map { $0["value"] } == [["spd-x"], ["tms_5-2"]])
        #expect(filters.map { $0["connector"] } == [nil, "AND"])
        #expect(filters.allSatisfy { $0["key"] == ["section": "run", "name": "tags"] && $0["op"] == "IN" })
    }

    @Test func namesAndIdsAreTheSameEachTimeAndDifferBetweenPages() {
        let view = WorkspaceView(token: "spd-x", experiment: Self.experiment)
        #expect(view.spec == WorkspaceView(token: "spd-x", experiment: Self.experiment).spec)
        #expect(view.name != WorkspaceView(token: "spd-y", experiment: Self.experiment).name)
        #expect(view.name.wholeMatch(of: /nw-[0-9a-z]{11}-v/) != nil)
        let ids = places(values: view.spec, named: "__id__")
        #expect(Set(ids).count == ids.count && ids.count > 10)
    }

    private func places(values value: JSONValue, named name: String) -> [String] {
        switch value {
        case .object(let members):
            members.flatMap { $0.name == name ? [$0.value.text] : places(values: $0.value, named: name) }
        case .array(let elements): elements.flatMap { places(values: $0, named: name) }
        default: []
        }
    }
}
