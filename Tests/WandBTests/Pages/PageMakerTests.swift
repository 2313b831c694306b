import Foundation
import JSON
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// A launch's pages on a server that fails now and then.
struct PageMakerTests {
    private let server: StandInServer
    private static let job = PagedJob(
        token: "spd-x1", title: "SPD Run Report - spd-x1", introduction: "Launch: `spd-x1`",
        experiments: [
            .example("tms_5-2", runs: 6),
            .example("resid_mlp1", project: "other project", runs: 2),
        ], commit: "0123abc")

    init() async throws { server = try await StandInServer.start() }

    private func make(
        _ job: PagedJob = job, known: [JobPage]? = nil, limit: Duration = .seconds(20), entity: String? = "team"
    ) async throws -> PageMaker.Outcome {
        var settings = try WandBSettings.pointing(at: server.baseURL)
        settings.appURL = "https://app.example"
        settings.entity = entity
        var pages = PageMaker(settings: settings, limit: limit)
        pages.firstPause = .milliseconds(5)
        return try await blocking { [pages] in pages.make(job, known: known) }
    }

    private var views: [StandInBackend.Page] { server.backend.pages.views }

    @Test func projectsWorkspacesAndOneReportAreMade() async throws {
        defer { server.stop() }
        let outcome = try await make()
        #expect(outcome.problem == nil)
        #expect(server.backend.violations == [])
        #expect(server.backend.pages.projects == ["team/spd", "team/other project"])
        #expect(views.map(\.displayName) == ["tms_5-2 - spd-x1", "resid_mlp1 - spd-x1", "SPD Run Report - spd-x1"])
        #expect(views.map(\.project) == ["spd", "other project", "spd"])
        #expect(views.map(\.type) == ["project-view", "project-view", "runs"])
        #expect(views[2].description == "Experiments: tms_5-2, resid_mlp1")
        #expect(views[2].spec.contains("Commit: `0123abc`"))
        #expect(
            outcome.pages.map(\.url) == [
                "https://app.example/team/spd", "https://app.example/team/other%20project",
                "https://app.example/team/spd?nw=\(views[0].name.dropFirst(3).dropLast(2))",
                "https://app.example/team/other%20project?nw=\(views[1].name.dropFirst(3).dropLast(2))",
                "https://app.example/team/spd/reports/SPD-Run-Report---spd-x1--\(views[2].id.prefix { $0 != "=" })",
            ])
        // The report leads to the workspaces and filters each grid in its experiment's own project.
        let report = try JSONValue(parsing: views[2].spec)
        let blocks = try #require(report["blocks"]?.elements)
        let introduction = try #require(blocks[1]["content"]?.string)
        #expect(introduction.contains("[tms_5-2](\(outcome.pages[2].url)) (6 runs)"))
        let sets = blocks.compactMap { $0["metadata"]?["runSets"]?.elements?.first }
        #expect(sets.map { $0["project"]?["name"] } == ["spd", "other project"])
        #expect(sets.map { $0["name"] } == ["tms_5-2 Runs", "resid_mlp1 Runs"])
    }

    @Test func withoutAnEntityTheAccountsOwnIsTaken() async throws {
        defer { server.stop() }
        _ = try await make(entity: nil)
        #expect(server.backend.pages.projects.first == "lab/spd")
    }

    @Test func makingThemAgainUpdatesThem() async throws {
        defer { server.stop() }
        let first = try await make()
        var more = Self.job
        more.commit = "other"
        let second = try await make(more, known: first.pages)
        #expect(second.pages == first.pages)
        #expect(views.map(\.upserts) == [2, 2, 2])
        #expect(views[2].spec.contains("Commit: `other`"))
        #expect(server.backend.violations == [])
    }

    @Test func pagesWhoseIdsWereLostAreFoundByTheirNames() async throws {
        defer { server.stop() }
        let first = try await make()
        let second = try await make(known: [])
        #expect(second.pages == first.pages)
        #expect(views.map(\.upserts) == [2, 2, 2])
    }

    @Test func aPageThatSomebodyDeletedIsMadeAnew() async throws {
        defer { server.stop() }
        let first = try await make()
        server.backend.pages.views.removeLast()
        let second = try await make(known: first.pages)
        #expect(second.problem == nil)
        #expect(views.count == 3 && views[2].upserts == 1)
    }

    /// Whatever fails with the work done or not done, there is never a second view of the same name.
    @Test(arguments: 0..<2) func failuresAreMadeUpForWithoutASecondView(seed: UInt64) async throws {
        defer { server.stop() }
        server.backend.inject { number, _ in
            var dice = SeededGenerator(seed: seed &* 1000 &+ UInt64(number))
            switch UInt8.random(in: 0..<10, using: &dice) {
            case 0: return .refuse(status: 500)
            case 1: return .failAfterTheWork(status: 502)
            case 2: return .refuse(status: 429, retryAfter: "0")
            default: return .none
            }
        }
        let outcome = try await make()
        #expect(outcome.problem == nil)
        #expect(outcome.pages.count == 5)
        #expect(Set(views.map(\.name)).count == views.count && views.count == 3)
        #expect(server.backend.violations == [])
    }

    @Test func aServerThatDoesNotAnswerIsGivenUpInTime() async throws {
        defer { server.stop() }
        server.backend.inject { number, _ in number < 3 ? .none : .slow(.seconds(30)) }
        let start = ContinuousClock.now
        let outcome = try await make(limit: .seconds(2))
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(outcome.problem?.contains("127.0.0.1") == true, "\(outcome.problem ?? "")")
        #expect(outcome.pages.map(\.title) == ["spd"], "what was made is told")
    }

    @Test func aRefusalIsToldAndKeepsWhatIsKnown() async throws {
        defer { server.stop() }
        let first = try await make()
        server.backend.inject { _, _ in .refuse(status: 403) }
        let second = try await make(known: first.pages)
        #expect(second.problem == "127.0.0.1 answered 403: injected")
        #expect(second.pages == first.pages)
    }
}
