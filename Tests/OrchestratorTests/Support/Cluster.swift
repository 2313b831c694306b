import Foundation
import Glibc
import Testing

/// A SLURM of a test's own, and a workbench whose programs talk to it.
final class Cluster: Sendable {
    let bench: Workbench
    private let folder: String
    private let options: [String]
    private static let script = Workbench.package + "/scripts/slurm-dev"
    static let path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

    /// The cluster that the `.slurm` trait has brought up around the running test.
    @TaskLocal static var current: Cluster?

    /// Brings up a cluster; `options` are those of `scripts/slurm-dev`.
    init(
        name: String = "slurm", options: [String] = ["--nodes", "2", "--cpus", "2"], adding: [String: String] = [:]
    ) async throws {
        let folder = "/tmp/spd-slurm-" + UUID().uuidString.prefix(8)
        (self.folder, self.options) = (folder, options)
        bench = try Workbench(
            name, adding: ["SLURM_CONF": folder + "/etc/slurm.conf", "PATH": Self.path].merging(adding) { $1 })
        try await startController()
    }

    /// Starts what is missing of the cluster: all of it, or a controller that was killed.
    func startController() async throws {
        let setUp = try Workbench()
        let answer = try await setUp.run(
            "/bin/bash", [Self.script, "up", folder] + options, adding: ["PATH": Self.path])
        try #require(
            answer.code == 0,
            """
            no SLURM to test with; `scripts/install-packages test` installs it, and `test-all` its accounting \
            (or set SPD_TEST_SLURM=skip): \(answer.error)
            """)
    }

    /// Kills the controller as a crash would.
    func stopController() throws {
        let text = try String(contentsOfFile: controllerPIDFile, encoding: .utf8)
        let pid = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(pid, SIGKILL)
    }

    /// The file that names the controller's process.
    var controllerPIDFile: String { folder + "/run/slurmctld.pid" }

    func down() async throws {
        let answer = try await bench.run("/bin/bash", [Self.script, "down", folder])
        #expect(answer.code == 0, "\(answer.error)")
    }

    /// Runs one of SLURM's own commands.
    @discardableResult
    func slurm(_ command: String, _ arguments: String...) async throws -> String {
        let answer = try await bench.run(command, arguments)
        #expect(answer.code == 0, "\(command) \(arguments): \(answer.error)")
        return answer.output
    }
}

/// Brings up one cluster for all tests of a suite.
struct ClusterTrait: SuiteTrait, TestScoping {
    let options: [String]
    let variables: [String: String]

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { test.isSuite ? self : nil }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        let cluster = try await Cluster(options: options, adding: variables)
        do {
            try await Cluster.$current.withValue(cluster) { try await body() }
        } catch {
            try await cluster.down()
            throw error
        }
        try await cluster.down()
    }
}

extension Trait where Self == ClusterTrait {
    /// One cluster for the suite, as `scripts/slurm-dev` starts it with `options`; its programs see `variables`.
    static func slurm(_ options: String..., adding variables: [String: String] = [:]) -> Self {
        ClusterTrait(options: options, variables: variables)
    }
}

extension Trait where Self == ConditionTrait {
    /// The tests on a real SLURM can be left out where there is none.
    static var slurmWanted: Self {
        .enabled(
            if: ProcessInfo.processInfo.environment["SPD_TEST_SLURM"] != "skip",
            "SPD_TEST_SLURM=skip leaves out the tests on a real SLURM")
    }
}
