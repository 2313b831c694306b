import Foundation
import Subprocess
import TestFiles
import Testing

@testable import Orchestration
@testable import Orchestrator

/// A place of its own for one test: a current folder, a cache folder, an environment.
final class Workbench: Sendable {
    let path: String
    let cache: String
    private let variables: [String: String]

    /// A new place; `name` is part of its folder's name, `variables` come on top of the usual environment.
    init(_ name: String = "orchestrator", adding variables: [String: String] = [:]) throws {
        path = NSTemporaryDirectory() + "spd-\(name)-" + UUID().uuidString.prefix(8)
        cache = path + "/cache"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // No SLURM that happens to be installed here, no key of whoever runs the tests.
        self.variables = [
            "PATH": path + "/bin", "HOME": path, "SPD_CACHE_DIR": cache,
            "SPD_WORKER": Self.products + "/StandInWorker",
        ].merging(variables) { $1 }
        try FileManager.default.createDirectory(
            atPath: path + "/bin", withIntermediateDirectories: true)
        for tool in ["env", "grep", "sleep", "touch"] {
            let real = ["/usr/bin/", "/bin/"].map { $0 + tool }
                .first(where: FileManager.default.isExecutableFile(atPath:))
            try FileManager.default.createSymbolicLink(
                atPath: path + "/bin/" + tool, withDestinationPath: real ?? tool)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// What a stand-in for `squeue` does where nothing is queued.
    static let emptyQueue = "echo 'JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|NAME|NODELIST|REASON|COMMAND|.'"

    /// Where the package's programs are built.
    static let products = Program.folder

    /// The package's folder.
    static let package = Checkout.path

    func write(_ text: String, to name: String) throws -> String {
        let url = URL(filePath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return url.path
    }

    /// A sweep of so many runs of `tms_5-2`.
    func seeds(_ count: Int) throws -> String {
        try write(
            "tms_5-2:\n  seed:\n    values: [\((0..<count).map(String.init).joined(separator: ", "))]\n",
            to: "seeds.yaml")
    }

    func writeProgram(_ script: String, to name: String) throws -> String {
        let file = try write("#!/bin/sh\n\(script)\n", to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        return file
    }

    /// Everything below the cache folder.
    func files() -> [String] {
        (FileManager.default.enumerator(atPath: cache)?.allObjects as? [String] ?? []).sorted()
    }

    struct Answer: Sendable {
        let code: Int32?
        let output: String
        let error: String
    }

    /// Runs the orchestrator to its end, or kills it after a while.
    func orchestrator(
        _ arguments: [String], adding more: [String: String] = [:], killedAfter life: Duration? = nil
    ) async throws -> Answer {
        try await run(Self.products + "/orchestrator", arguments, adding: more, killedAfter: life)
    }

    /// Starts the orchestrator and leaves it running.
    func start(_ arguments: [String], adding more: [String: String] = [:]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: Self.products + "/orchestrator")
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: path)
        process.environment = variables.merging(more) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Runs a program to its end in this place, or kills it after a while; the answer's code is nil if that killed it.
    func run(
        _ program: String, _ arguments: [String], adding more: [String: String] = [:],
        killedAfter life: Duration? = nil
    ) async throws -> Answer {
        let environment = variables.merging(more) { $1 }
        let result = try await Subprocess.run(
            .name("env"), arguments: Arguments(["-C", path, program] + arguments),
            environment: .custom(
                Dictionary(
                    uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })),
            input: .none, output: .string(limit: 1 << 24), error: .string(limit: 1 << 20)
        ) { execution in
            guard let life else { return }
            try await Task.sleep(for: life)
            try execution.send(signal: .kill)
        }
        let code: Int32? = if case .exited(let code) = result.terminationStatus { code } else { nil }
        return Answer(code: code, output: result.standardOutput, error: result.standardError)
    }

    /// The state as `status --json` tells it.
    func status(of job: Int) async throws -> StatusReport.Job {
        let answer = try await orchestrator(["status", String(job), "--json"])
        try #require([0, 1, 3].contains(answer.code) && answer.error.isEmpty, "\(answer.error)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try #require(try decoder.decode(StatusReport.self, from: Data(answer.output.utf8)).jobs.first)
    }
}

/// `status --json` as a program that reads it would declare it.
struct StatusReport: Decodable {
    struct Job: Decodable {
        let id: Int
        let token: String
        let executor: String
        let submission: String
        let slurmJobId: Int?
        let folder: String
        let agentsRequested: Int
        let links: [Link]
        let counts: Counts
        let agents: [Agent]
        let runs: [Run]
    }
    struct Link: Decodable {
        let kind, title, url: String
    }
    struct Counts: Decodable {
        let pending, running, done, failed, cancelled, total: Int
    }
    struct Agent: Decodable {
        let id: Int
        let number: Int?
        let state: String
        let host: String?
        let pid: Int?
        let slurmArrayJobId: Int?
        let slurmArrayTaskId: Int?
        let reason: String?
    }
    struct Run: Decodable {
        let run: String
        let experiment: String
        let overrides: [String: String]
        let status: String
        let attempt: Int
        let agent: Int?
        let step: Int
        let steps: Int
        let losses: [String: Double]
        let metrics: [String: Double]
        let error: String?
        let folder: String
    }
    let cache: String
    let jobs: [Job]
}

/// Six short specs.
let sixSpecs = """
    global:
      seed:
        values: [0, 1, 2]
    tms_5-2:
      lr:
        values: [1e-3, 2e-3]
    """

/// Waits until `condition` holds; fails the test if it never does.
func eventually(
    within patience: Duration = .seconds(90), _ condition: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let end = ContinuousClock.now + patience
    repeat {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    } while .now < end
    Issue.record("what was waited for did not happen within \(patience)", sourceLocation: sourceLocation)
}

/// Compares with a file that a person can read; `SPD_RECORD_SNAPSHOTS=1` writes the file anew.
func expectSnapshot(_ text: String, _ name: String) throws {
    #expect(text == (try Checkout.pinned(text, in: "Tests/OrchestratorTests/Snapshots/" + name)))
}
