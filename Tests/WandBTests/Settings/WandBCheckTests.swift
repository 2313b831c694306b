import Foundation
import TestFiles
import Testing

@testable import StandInWandB
@testable import WandB

/// What a check of the settings tells the user.
struct WandBCheckTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func check(_ environment: [String: String]) async throws -> [WandBCheck.Remark] {
        let path = scratch.path
        return try await blocking {
            WandBCheck.remarks(
                environment: environment, workingDirectory: path, homeDirectory: path, timeout: .seconds(5))
        }
    }

    /// A check against a stand-in server with the right key, and what `change` changes of the environment.
    private func check(changing change: [String: String]) async throws -> [WandBCheck.Remark] {
        let server = try await StandInServer.start()
        defer { server.stop() }
        var environment = ["WANDB_BASE_URL": server.baseURL, "WANDB_API_KEY": StandInBackend.key]
        for (name, value) in change { environment[name] = value }
        return try await check(environment)
    }

    private func expect(
        _ findings: [WandBCheck.Remark], _ level: WandBCheck.Remark.Severity, _ subject: String,
        message: String, advice: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let last = try #require(findings.last, sourceLocation: sourceLocation)
        #expect(last.severity == level, sourceLocation: sourceLocation)
        #expect(last.subject == subject, sourceLocation: sourceLocation)
        #expect(last.message.contains(message), "\(last.message)", sourceLocation: sourceLocation)
        if let advice {
            #expect(last.advice?.contains(advice) == true, "\(last.advice ?? "")", sourceLocation: sourceLocation)
        }
        for finding in findings {
            #expect(!"\(finding)".contains(StandInBackend.key), sourceLocation: sourceLocation)
        }
    }

    @Test func aGoodKeySaysWhoseItIsAndWhereRunsGo() async throws {
        let findings = try await check(changing: [:])
        #expect(findings.map(\.severity) == [.good, .good, .good])
        #expect(findings[1].message == "the key in WANDB_API_KEY is u's")
        try expect(findings, .good, "entity", message: "runs go to lab, the account's default")
    }

    @Test func theKeysPlaceIsNamed() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        try "WANDB_API_KEY=\(StandInBackend.key)\n".write(
            toFile: scratch.path + "/.env", atomically: true, encoding: .utf8)
        let findings = try await check(["WANDB_BASE_URL": server.baseURL])
        #expect(findings.map(\.message).contains("the key in \(scratch.path)/.env is u's"))
    }

    @Test func aTeamTheUserIsNotInIsAProblem() async throws {
        let findings = try await check(changing: ["WANDB_ENTITY": "Lab"])
        try expect(findings, .problem, "entity", message: "'Lab' is none of", advice: "did you mean 'lab'?")
        let other = try await check(changing: ["WANDB_ENTITY": "goodfire"])
        try expect(other, .problem, "entity", message: "'goodfire' is none of", advice: "one of lab, u, interp")
        let team = try await check(changing: ["WANDB_ENTITY": "interp"])
        try expect(team, .good, "entity", message: "runs go to interp")
    }

    @Test func aKeyTheServerDoesNotKnowIsToldWithItsPlace() async throws {
        let wrong = String(repeating: "b", count: 40)
        let findings = try await check(changing: ["WANDB_API_KEY": wrong])
        try expect(findings, .problem, "key", message: "does not know the key in WANDB_API_KEY")
    }

    @Test func aKeyCutShortIsToldWithoutAskingTheServer() async throws {
        let findings = try await check(changing: ["WANDB_API_KEY": String(StandInBackend.key.dropLast(3))])
        #expect(findings.count == 1)
        try expect(
            findings, .problem, "key", message: "the API key in WANDB_API_KEY is not valid: it has 37 characters")
    }

    @Test func aKeyOfAnotherHostInNetrcIsPointedOut() async throws {
        try "machine api.wandb.ai login user password \(StandInBackend.key)\n".write(
            toFile: scratch.path + "/.netrc", atomically: true, encoding: .utf8)
        let findings = try await check(changing: ["WANDB_API_KEY": ""])
        try expect(
            findings, .note, "key", message: "netrc has keys for api.wandb.ai only",
            advice: "set WANDB_BASE_URL to the server whose key you have")
    }

    @Test func aHostThatIsNotThereIsNamed() async throws {
        // Port 9 is the discard service, which nobody runs.
        let findings = try await check(changing: ["WANDB_BASE_URL": "http://127.0.0.1:9"])
        try expect(
            findings, .problem, "server", message: "cannot connect to 127.0.0.1", advice: "check WANDB_BASE_URL")
    }

    @Test func tlsWhereTheServerHasNoneIsExplained() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        let address = server.baseURL.replacingOccurrences(of: "http://", with: "https://")
        let findings = try await check(["WANDB_BASE_URL": address, "WANDB_API_KEY": StandInBackend.key])
        try expect(findings, .problem, "server", message: "no safe connection to 127.0.0.1", advice: "http://")
    }

    @Test func aServerThatIsNotWandBIsTold() async throws {
        let server = try await StandInServer.start()
        defer { server.stop() }
        server.backend.inject { _, _ in .refuse(status: 404) }
        let findings = try await check(["WANDB_BASE_URL": server.baseURL, "WANDB_API_KEY": StandInBackend.key])
        try expect(
            findings, .problem, "server", message: "answers 404 (injected), unlike a W&B server",
            advice: "check WANDB_BASE_URL")
    }

    @Test func anAddressWithoutASchemeIsABadAddress() async throws {
        try expect(
            try await check(["WANDB_BASE_URL": "api.wandb.ai", "WANDB_API_KEY": StandInBackend.key]), .problem,
            "server", message: "'api.wandb.ai' is not a server's address")
    }

    @Test func offlineNeedsNoServer() async throws {
        try expect(
            try await check(["WANDB_MODE": "offline", "WANDB_API_KEY": StandInBackend.key]), .note, "settings",
            message: "WANDB_MODE is offline")
    }
}
