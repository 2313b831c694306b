import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator
@testable import StandInWandB

/// What a submission says and keeps about its pages on W&B.
struct JobPagesTests {
    let bench: Workbench
    let server: StandInServer

    init() async throws {
        server = try await StandInServer.start()
        bench = try Workbench(
            "pages",
            adding: ["WANDB_BASE_URL": server.baseURL, "WANDB_API_KEY": StandInBackend.key, "WANDB_ENTITY": "lab"])
    }

    private static let submit = ["submit", "--experiments", "tms_5-2,resid_mlp1", "--project", "mine"]

    @Test func linksArePrintedAndStoredAndShownByStatus() async throws {
        defer { server.stop() }
        let answer = try await bench.orchestrator(Self.submit + ["--watch"])
        #expect(answer.code == 0 && answer.error == "", "\(answer.error)")
        let project = "\(server.baseURL)/lab/mine"
        let links = [
            "W&B project mine: \(project)", "W&B workspace tms_5-2: \(project)?nw=",
            "W&B workspace resid_mlp1: \(project)?nw=",
            "W&B report: \(project)/reports/SPD-Run-Report---spd-",
        ]
        for link in links {
            // Once from submitting and once from the end of watching.
            #expect(answer.output.components(separatedBy: link).count == 3, "\(link)\n\(answer.output)")
        }
        let status = try await bench.orchestrator(["status", "1"])
        for link in links { #expect(status.output.contains(link)) }
        let job = try await bench.status(of: 1)
        #expect(job.links.map(\.kind) == ["project", "workspace", "workspace", "report"])
        #expect(job.links.map(\.title).prefix(3) == ["mine", "tms_5-2", "resid_mlp1"])
        #expect(server.backend.violations == [])
        #expect(server.backend.pages.views.map(\.displayName).last == "SPD Run Report - \(job.token)")
    }

    @Test func jsonHasTheLinks() async throws {
        defer { server.stop() }
        let answer = try await bench.orchestrator(Self.submit + ["--json", "--no-create-report"])
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let job = try decoder.decode(StatusReport.Job.self, from: Data(answer.output.utf8))
        #expect(job.links.map(\.kind) == ["project", "workspace", "workspace"])
        #expect(server.backend.pages.views.map(\.type) == ["project-view", "project-view"])
    }

    @Test func aServerInTroubleIsOneWarningAndReportMakesUpForIt() async throws {
        defer { server.stop() }
        // Workspaces are made; the report is not.
        server.backend.inject { _, request in
            String(decoding: request.body, as: UTF8.self).contains("SPD Run Report") ? .refuse(status: 403) : .none
        }
        let answer = try await bench.orchestrator(Self.submit)
        #expect(answer.code == 0)
        #expect(
            answer.error
                == "orchestrator: W&B: 127.0.0.1 answered 403: injected; `orchestrator report 1` creates the W&B pages later\n"
        )
        #expect(try await bench.status(of: 1).links.count == 3)

        server.backend.inject { _, _ in .none }
        for _ in 0..<2 {
            let report = try await bench.orchestrator(["report", "1"])
            #expect(report.code == 0 && report.error == "", "\(report.error)")
            #expect(report.output.contains("W&B report: \(server.baseURL)/lab/mine/reports/"))
        }
        #expect(try await bench.status(of: 1).links.count == 4)
        #expect(server.backend.pages.views.map(\.upserts) == [3, 3, 2])
        #expect(server.backend.violations == [])
    }

    @Test func aServerThatIsNotThereDoesNotKeepASubmissionWaiting() async throws {
        server.stop()
        let start = ContinuousClock.now
        let answer = try await bench.orchestrator(Self.submit, adding: ["WANDB_BASE_URL": "http://127.0.0.1:9"])
        #expect(answer.code == 0)
        #expect(answer.error.contains("W&B: cannot connect to 127.0.0.1"), "\(answer.error)")
        #expect(answer.error.split(separator: "\n").count == 1)
        #expect(ContinuousClock.now - start < .seconds(20))
        let report = try await bench.orchestrator(["report"], adding: ["WANDB_BASE_URL": "http://127.0.0.1:9"])
        #expect(report.code == 1)
        #expect(report.error.contains("not all pages of job 1 could be created on W&B: cannot connect"))
    }

    @Test(arguments: [["WANDB_MODE": "offline"], ["WANDB_API_KEY": ""]])
    func withoutW_BNothingIsMadeAndNothingSaidUnlessAReportWasAskedFor(setting: [String: String]) async throws {
        defer { server.stop() }
        let quiet = try await bench.orchestrator(Self.submit, adding: setting)
        #expect(quiet.error == "")
        #expect(!quiet.output.contains("W&B"))
        let asked = try await bench.orchestrator(Self.submit + ["--create-report"], adding: setting)
        #expect(asked.code == 0)
        #expect(asked.error.hasPrefix("orchestrator: there will be no W&B report: "))
        #expect(asked.error.split(separator: "\n").count == 1)
        #expect(server.backend.requests == 0)
    }

    @Test func pagesShowTheRunsThatTheWorkerMakes() async throws {
        defer { server.stop() }
        _ = try bench.write(TrainingEndToEndTests.experiment(steps: 200) + "\nwandb_project: own", to: "small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "small.yaml", "--executor", "local", "--watch"],
            adding: TrainingEndToEndTests.realWorker.merging(["WANDB_PROJECT": "mine"]) { $1 })
        #expect(answer.code == 0, "\(answer.error)")
        let job = try await bench.status(of: 1)
        let run = try #require(server.backend.run(job.runs[0].run))
        let view = try #require(server.backend.pages.views.first { $0.type == "project-view" })
        #expect(run.project == "mine" && view.project == "mine")
        for set in [view, try #require(server.backend.pages.views.last)] {
            for tag in ["small", job.token] {
                #expect(run.tags.contains(tag))
                #expect(set.spec.contains(#""op":"IN","value":["\#(tag)"]"#), "\(set.displayName)")
            }
        }
        #expect(server.backend.violations == [])
    }
}
